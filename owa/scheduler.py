"""Drains the queues from within the web process, by APScheduler.

Every web process has one. The drain lock lets one drain at a time; when its process dies, the kernel hands the lock
to the next.
"""

import logging
from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from owa.errors import HeldByAnother, OwaError
from owa.processing.drain import drain_events, drain_retries
from owa.processing.processor import Processor
from owa.queues.contract import EventQueue

logger = logging.getLogger(__name__)

PRUNE_INTERVAL = 3600


class Scheduler:
    """The jobs of one process."""

    def __init__(
        self, incoming: EventQueue, processor: Processor, interval: int, archive_age: Callable[[], float]
    ) -> None:
        """`interval`: seconds between two drains. `archive_age`: seconds that archived queue files are kept."""
        self._incoming = incoming
        self._processor = processor
        self._archive_age = archive_age
        self._trouble = ""
        self._jobs = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        self._jobs.add_job(self.drain, "interval", seconds=interval, id="drain")
        self._jobs.add_job(self.prune, "interval", seconds=PRUNE_INTERVAL, id="prune")

    def start(self) -> None:
        # APScheduler complains at each run that finds the last one still busy: a long drain is none of its business.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._jobs.start()

    def stop(self) -> None:
        """Returns when the running job has ended."""
        if self._jobs.running:
            self._jobs.shutdown(wait=True)

    def drain(self) -> None:
        """Drain what another process is not draining."""
        try:
            drains = (drain_events(self._incoming, self._processor), drain_retries(self._processor))
        except HeldByAnother:
            return
        except OwaError as error:
            self._tell(str(error))
            return
        self._tell(next((str(drained.outage) for drained in drains if drained.outage), ""))

    def prune(self) -> None:
        """Delete queue files that have been archived for long enough."""
        try:
            self._incoming.prune(self._archive_age())
        except (OwaError, OSError) as error:
            logger.warning("Archived queue files could not be pruned: %s", error)

    def _tell(self, trouble: str) -> None:
        """Log a trouble when it comes and when it goes, not every two seconds."""
        if trouble != self._trouble:
            logger.warning("%s", f"The drain is paused: {trouble}" if trouble else "The drain goes on.")
            self._trouble = trouble
