"""Does once, in the background, what somebody asks for now: drains both queues, or verifies the ledger."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Lock, Thread

from owa.contributions import INCOMING, PROCESSING
from owa.errors import HeldByAnother, OwaError, told
from owa.masking import masked_text, masked_trace
from owa.processing.drain import Drained
from owa.scheduler.jobs import Jobs

logger = logging.getLogger(__name__)


class Once(ABC):
    """Works in a thread of its own: one at a time in this process."""

    def __init__(self, jobs: Callable[[], Jobs]) -> None:
        """`jobs`: whose record says who asked."""
        self._jobs = jobs
        self._lock = Lock()
        self._thread: Thread | None = None
        self._outcome: list[str] = []

    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> bool:
        """Begin, in the background. False: it is under way here."""
        with self._lock:
            if self.is_running():
                return False
            # killed at any instant, it loses nothing: it must not keep the process from ending
            self._thread = Thread(target=self._run, name=type(self).__name__, daemon=True)
            self._thread.start()
            return True

    def outcome(self, patience: float) -> list[str] | None:
        """What came of it last, in sentences. None: it is still under way after `patience` seconds."""
        if self._thread:
            self._thread.join(patience)
        return None if self.is_running() else self._outcome

    def stop(self) -> None:
        """Returns when nothing is under way."""
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        self._outcome = []
        self.work(self._jobs(), self._outcome)

    @abstractmethod
    def work(self, jobs: Jobs, told: list[str]) -> None:
        """Do it; `told`: to be given a sentence of each part."""


class DrainOnce(Once):
    """Drains both queues. Other processes' drains hold the queue's lock."""

    def work(self, jobs: Jobs, told: list[str]) -> None:
        told.append(f"{INCOMING}: {_sentence('drain', lambda: _drained(jobs.drain()))}")
        told.append(f"{PROCESSING}: {_sentence('drain', lambda: _drained(jobs.retry()))}")
        jobs.deliver()


class VerifyOnce(Once):
    """Verifies the ledger."""

    def work(self, jobs: Jobs, told: list[str]) -> None:
        told.append(f"Ledger: {_sentence('verification', lambda: _verified(jobs))}")


def _sentence(what: str, work: Callable[[], str]) -> str:
    try:
        return work()
    except HeldByAnother:
        return "another drain holds it, and does the work." if what == "drain" else "a drain is under way: try later."
    except (OwaError, OSError) as error:
        return str(error)
    except Exception as error:
        logger.error("The %s failed.\n%s", what, masked_trace(error))
        return f"the {what} failed, see the server's log: {masked_text(told(error)[0])}"


def _drained(drained: Drained) -> str:
    if drained.paused:
        return str(drained.paused)
    if drained.outage:
        return f"paused. {drained.outage}"
    figures = drained.report.figures()
    return (", ".join(f"{count} {name}" for name, count in figures.items()) or "nothing to do") + "."


def _verified(jobs: Jobs) -> str:
    drifts = [line for line in jobs.verify() if line.drift]
    return f"{len(drifts)} of its lines have a drift." if drifts else "verified, no drift."
