"""Runs the jobs in time, by APScheduler. Every web process has one; who runs which job is decided job by job."""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from owa.errors import HeldByAnother, OwaError
from owa.processing.drain import Drained
from owa.scheduler.jobs import Job
from owa.scheduler.leadership import Leadership

logger = logging.getLogger(__name__)

FIRST_RUN = 60
"""Seconds after the start at the latest: a process may not live for as long as a job's interval."""

THREADS = 2
"""So that a long drain holds up no other job."""


class Scheduler:
    """The scheduler of one process."""

    def __init__(self, jobs: list[tuple[Job, Leadership]]) -> None:
        """`jobs`: each with what decides whether this process runs it."""
        self._leaderships = [leadership for _, leadership in jobs]
        self._troubles: dict[str, str] = {}
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        for job, leadership in jobs:
            first = datetime.now(UTC) + timedelta(seconds=min(job.interval, FIRST_RUN))
            self._scheduler.add_job(
                self._run, "interval", (job, leadership), seconds=job.interval, id=job.name, next_run_time=first
            )

    def start(self) -> None:
        # APScheduler complains at each run that finds the last one still busy: a long drain is none of its business.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler.start()

    def stop(self) -> None:
        """Returns when the running jobs have ended, and others may have them."""
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()  # else one that becomes due meanwhile finds no thread, with a traceback
            self._scheduler.shutdown(wait=True)
        for leadership in self._leaderships:
            with suppress(OwaError):
                leadership.give_up()

    def _run(self, job: Job, leadership: Leadership) -> None:
        trouble = ""
        try:
            if not leadership.holds():
                return
            result = job.run()
            if isinstance(result, Drained) and result.outage:
                trouble = str(result.outage)
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
            logger.warning("The job %s %s", name, text, exc_info=error)
            self._troubles[name] = trouble
