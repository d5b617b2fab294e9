"""Drains both queues once, because somebody asks for it now."""

import logging
from collections.abc import Callable
from threading import Lock, Thread

from owa.contributions import INCOMING, PROCESSING
from owa.errors import HeldByAnother, OwaError
from owa.processing.drain import Drained
from owa.scheduler.jobs import Jobs

logger = logging.getLogger(__name__)


class DrainOnce:
    """Drains in a thread of its own: one at a time in this process. Other processes' drains hold the queue's lock."""

    def __init__(self, jobs: Callable[[], Jobs]) -> None:
        """`jobs`: whose record says who asked."""
        self._jobs = jobs
        self._lock = Lock()
        self._thread: Thread | None = None
        self._outcome: list[str] = []

    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> bool:
        """Begin a drain, in the background. False: one is under way here."""
        with self._lock:
            if self.is_running():
                return False
            # killed at any instant, a drain loses nothing: it must not keep the process from ending
            self._thread = Thread(target=self._run, name="drain-now", daemon=True)
            self._thread.start()
            return True

    def outcome(self, patience: float) -> list[str] | None:
        """What came of the last drain, a sentence for each queue. None: it is still under way after `patience`
        seconds."""
        if self._thread:
            self._thread.join(patience)
        return None if self.is_running() else self._outcome

    def stop(self) -> None:
        """Returns when no drain is under way."""
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        jobs = self._jobs()
        self._outcome = [f"{INCOMING}: {_sentence(jobs.drain)}", f"{PROCESSING}: {_sentence(jobs.retry)}"]
        jobs.deliver()


def _sentence(drain: Callable[[], Drained]) -> str:
    try:
        drained = drain()
    except HeldByAnother:
        return "another drain holds it, and does the work."
    except (OwaError, OSError) as error:
        return str(error)
    except Exception as error:
        logger.exception("The drain failed.")
        return f"the drain failed, see the server's log: {type(error).__name__}: {error}"
    if drained.paused:
        return str(drained.paused)
    if drained.outage:
        return f"paused. {drained.outage}"
    figures = drained.report.figures()
    return (", ".join(f"{count} {name}" for name, count in figures.items()) or "nothing to do") + "."
