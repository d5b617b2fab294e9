"""Runs single jobs because somebody asks for them now."""

import logging
from collections.abc import Callable, Iterable
from enum import Enum
from threading import Lock, Thread

from owa.errors import HeldByAnother, OwaError, told
from owa.masking import masked_text, masked_trace
from owa.processing.drain import Drained
from owa.processing.verifying import verified
from owa.scheduler.at_work import AtWork
from owa.scheduler.jobs import Job
from owa.scheduler.leadership import Leadership

logger = logging.getLogger(__name__)


class Begun(Enum):
    """What came of the wish."""

    STARTED = "started"
    BUSY = "busy"
    """A run of it is under way here."""
    HELD = "held"
    """It is another process's: that alone may run it. See `owa.scheduler.wishing`."""
    UNKNOWN = "unknown"
    """There is no such job."""


class RunNow:
    """In a thread for each job, one at a time; the scheduler of this process keeps away from it meanwhile."""

    def __init__(
        self,
        jobs: Callable[[], Iterable[Job]],
        leadership: Callable[[Job], tuple[Leadership, bool]],
        at_work: Callable[[], AtWork],
    ) -> None:
        """`jobs`: those that there are. `leadership`: what decides whether this process may run one, and whether it is
        to be given up afterwards."""
        self._jobs = jobs
        self._leadership = leadership
        self._at_work = at_work
        self._lock = Lock()
        self._threads: dict[str, Thread] = {}
        self._outcomes: dict[str, str] = {}

    def start(self, name: str) -> Begun:
        """Begin it, in the background. Raises `DatabaseUnavailable` or `OSError`."""
        job = self.find(name)
        if job is None:
            return Begun.UNKNOWN
        with self._lock:
            if self.is_running(name):
                return Begun.BUSY
            leadership, is_borrowed = self._leadership(job)
            if not leadership.holds():
                return Begun.HELD
            # killed at any instant, a job loses nothing: it must not keep the process from ending
            thread = Thread(target=self._run, args=(job, leadership, is_borrowed), name=f"now-{name}", daemon=True)
            self._threads[name] = thread
            self._outcomes[name] = ""
            thread.start()
        return Begun.STARTED

    def find(self, name: str) -> Job | None:
        """The job of that name, if there is one."""
        return next((job for job in self._jobs() if job.name == name), None)

    def is_running(self, name: str) -> bool:
        """Here, be it the scheduler's run or one that somebody asked for."""
        thread = self._threads.get(name)
        return name in self._at_work() or (thread is not None and thread.is_alive())

    def outcome(self, name: str, patience: float) -> str | None:
        """What came of it, a sentence. None: it is still under way after `patience` seconds."""
        thread = self._threads.get(name)
        if thread:
            thread.join(patience)
        return None if thread and thread.is_alive() else self._outcomes.get(name, "")

    def stop(self) -> None:
        """Returns when nothing is under way."""
        for thread in list(self._threads.values()):
            thread.join()

    def _run(self, job: Job, leadership: Leadership, is_borrowed: bool) -> None:
        try:
            with self._at_work().on(job.name) as is_free:
                self._outcomes[job.name] = ran(job) if is_free else "The scheduler has just begun it."
        finally:
            if is_borrowed:
                leadership.give_up()


def ran(job: Job) -> str:
    """Run it; returns what came of it, a sentence."""
    try:
        result = job.run()
    except HeldByAnother:
        return "Another drain holds the queue, and does the work."
    except (OwaError, OSError) as error:
        return str(error)
    except Exception as error:
        logger.error("The job %s failed.\n%s", job.name, masked_trace(error))
        return f"It failed, see the server's log: {masked_text(told(error)[0])}"
    if isinstance(result, Drained):
        if result.outage or result.paused:
            return str(result.outage or result.paused)
        result = result.report.figures()
    if isinstance(result, list):
        return verified(result)
    figures = result if isinstance(result, dict) else {}
    return (", ".join(f"{count} {name}" for name, count in figures.items() if count) or "Nothing to do") + "."
