"""Runs the jobs in time, by APScheduler. Every web process has one; who runs which job is decided job by job."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock

from apscheduler.schedulers.background import BackgroundScheduler

from owa.db.pauses import Pause
from owa.errors import HeldByAnother, OwaError
from owa.masking import masked_text, masked_trace
from owa.processing.drain import Drained
from owa.scheduler.at_work import AtWork
from owa.scheduler.jobs import Job
from owa.scheduler.leadership import Leadership
from owa.scheduler.threads import JobThreads

logger = logging.getLogger(__name__)

FIRST_RUN = 60
"""Seconds after the start at the latest: a process may not live for as long as a job's interval."""

OURS, CONTRIBUTED = "default", "modules"
"""Who runs OWA's own jobs, and those of modules."""


class Scheduler:
    """The scheduler of one process."""

    def __init__(
        self,
        jobs: Iterable[Job],
        leadership: Callable[[Job], Leadership],
        paused: Callable[[str], Pause | None] = lambda _job: None,
    ) -> None:
        """`leadership`: what decides whether this process runs a job. `paused`: whether an admin has paused it."""
        self._leadership = leadership
        self._paused = paused
        self._at_work = AtWork()
        self._jobs: dict[str, tuple[Job, Leadership]] = {}
        self._troubles: dict[str, str] = {}
        self._lock = Lock()
        self._scheduler = BackgroundScheduler(
            executors={OURS: JobThreads(awaited=True), CONTRIBUTED: JobThreads(awaited=False)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        for job in jobs:
            self._add(job)

    @property
    def at_work(self) -> AtWork:
        """What is being run in this process."""
        return self._at_work

    def leadership_of(self, job: Job) -> Leadership | None:
        """What decides whether this process runs it; None: it is none of this scheduler's."""
        found = self._jobs.get(job.name)
        return found[1] if found else None

    def follow(self, contributed: Iterable[Job]) -> None:
        """From now on modules contribute these jobs. A run of another one that is under way is not ended."""
        with self._lock:
            wanted = {job.name: job for job in contributed}
            for name, (job, leadership) in list(self._jobs.items()):
                if job.contributed and (name not in wanted or wanted[name].contributed != job.contributed):
                    self._remove(name, leadership)
            for name, job in wanted.items():
                if name not in self._jobs:
                    self._add(job)

    def start(self) -> None:
        # APScheduler complains at each run that finds the last one still busy: a long drain is none of its business.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler.start()

    def stop(self) -> None:
        """Returns when the running jobs have ended, and others may have them. Jobs of modules are not waited for."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        for _, leadership in self._jobs.values():
            with suppress(OwaError):
                leadership.give_up()

    def _add(self, job: Job) -> None:
        leadership = self._leadership(job)
        first = datetime.now(UTC) + timedelta(seconds=min(job.interval, FIRST_RUN))
        executor = CONTRIBUTED if job.contributed else OURS
        self._scheduler.add_job(
            self._run,
            "interval",
            (job, leadership),
            seconds=job.interval,
            id=job.name,
            next_run_time=first,
            executor=executor,
        )
        self._jobs[job.name] = job, leadership

    def _remove(self, name: str, leadership: Leadership) -> None:
        self._scheduler.remove_job(name)
        del self._jobs[name]
        self._troubles.pop(name, None)
        with suppress(OwaError):
            leadership.give_up()

    def _run(self, job: Job, leadership: Leadership) -> None:
        trouble = ""
        try:
            if not leadership.holds():
                return
            if pause := self._paused(job.name):
                self._tell(job.name, str(pause))
                return
            with self._at_work.on(job.name) as is_free:
                if not is_free:
                    return
                result = job.run()
            if isinstance(result, Drained) and (result.outage or result.paused):
                trouble = str(result.outage or result.paused)
        except HeldByAnother:
            return
        except (OwaError, OSError) as error:
            trouble = str(error)
        except Exception as error:
            self._tell(job.name, f"{type(error).__name__}: {error}", error)
            return
        self._tell(job.name, trouble)

    def _tell(self, name: str, trouble: str, error: Exception | None = None) -> None:
        """Log a trouble when it comes and when it goes, not every two seconds. `error`: a bug, to tell where it is."""
        if trouble != self._troubles.get(name, ""):
            text = f"is paused: {trouble}" if trouble else "goes on."
            trace = f"\n{masked_trace(error)}" if error else ""
            logger.warning("The job %s %s%s", name, masked_text(text), trace)
            self._troubles[name] = trouble
