"""The jobs: what is done regularly, how often, and by whom."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from owa.accounts import logins, throttle
from owa.admin_contributions import ScheduledJob
from owa.analytics.counting import count_facts
from owa.clock import Clock
from owa.contributions import INCOMING, PROCESSING
from owa.db.engine import Database
from owa.delivery.deliveries import Deliveries
from owa.exchange.settings import SERVER_NUMBER
from owa.processing import cleaning, sampling, verifying
from owa.processing.drain import Drained, drain_events, drain_retries
from owa.processing.ledger import Ledger, Line
from owa.processing.processor import Processor
from owa.processing.runs import Figures, Runs
from owa.processors import in_the_background
from owa.queues.contract import EventQueue, RetryQueue
from owa.queues.settings import ARCHIVE_AGE, UNDO_DISCARD_DAYS
from owa.settings import Settings

SWEEP_INTERVAL = 30


class Scope(Enum):
    """How many processes run a job."""

    SERVER = "one on each server"
    ALL = "one of all that share the database"


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done regularly."""

    name: str
    interval: int
    """Seconds between two runs."""
    scope: Scope
    run: Callable[[], object]
    """Raises `OwaError` or `OSError`."""
    contributed: ScheduledJob | None = None
    """What it is made from; None: it is OWA's own."""
    queue: str = ""
    """The one that it drains, which an admin may have paused; empty: none."""


class Jobs:
    """What OWA does regularly."""

    def __init__(
        self,
        incoming: EventQueue,
        retries: RetryQueue,
        processor: Processor,
        database: Database,
        runs: Runs,
        settings: Callable[[], Settings],
        deliveries: Deliveries,
        clock: Clock,
    ) -> None:
        self._incoming = incoming
        self._retries = retries
        self._processor = processor
        self._database = database
        self._runs = runs
        self._settings = settings
        self._deliveries = deliveries
        self._clock = clock

    def all(self, drain_interval: int) -> tuple[Job, ...]:
        """The jobs. `drain_interval`: seconds."""
        return (
            Job("drain", drain_interval, Scope.SERVER, self.drain, queue=INCOMING),
            Job("retry", drain_interval, Scope.ALL, self.retry, queue=PROCESSING),
            Job("deliver", drain_interval, Scope.ALL, self.deliver, queue=PROCESSING),
            Job("sweep", SWEEP_INTERVAL, Scope.ALL, lambda: self._runs.clean("sweep", self.sweep)),
            Job("clean", cleaning.INTERVAL, Scope.ALL, lambda: self._runs.clean("clean", self.clean)),
            Job("sample", sampling.INTERVAL, Scope.SERVER, lambda: self._runs.clean("sample", self.sample)),
            Job(
                "sample_processing",
                sampling.INTERVAL,
                Scope.ALL,
                lambda: self._runs.clean("sample_processing", self.sample_processing),
            ),
            Job("verify", verifying.INTERVAL, Scope.ALL, self.verify),
        )

    def drain(self) -> Drained:
        """Drain this server's incoming queue. Raises `HeldByAnother` when cron is at it."""
        return self._runs.drain("drain", lambda: in_the_background(self._drain_incoming))

    def _drain_incoming(self) -> Drained:
        return drain_events(self._incoming, self._processor)

    def retry(self) -> Drained:
        """Drain what is due in the processing queue."""
        return self._runs.drain("retry", lambda: in_the_background(lambda: drain_retries(self._processor)))

    def deliver(self) -> Drained | None:
        """Have event handlers given what is due, in the background; None: there are no event handlers. What is recorded
        is what came of it since the last time."""
        return self._runs.drain("deliver", self._deliveries.wake) if self._deliveries.are_wanted() else None

    def sweep(self) -> Figures:
        """Wake what waits for something that has come unnoticed."""
        return {"woken": self._processor.sweep()}

    def clean(self) -> Figures:
        """Delete what was kept for long enough: finished events, runs of jobs, answers, ended logins, failed
        attempts."""
        now = self._processor.now()
        settings = self._settings()
        ages = settings[ARCHIVE_AGE], settings[UNDO_DISCARD_DAYS]
        figures = cleaning.clean(self._database, self._retries, now, *ages)
        with self._database.writing(cleaning.PATIENCE) as connection:
            return figures | {
                "logins": logins.forget(connection, now),
                "failed_logins": throttle.forget(connection, now),
            }

    def sample(self) -> Figures:
        """Note how full this server's incoming queue is."""
        server = self._settings()[SERVER_NUMBER]
        return sampling.sample_incoming(self._database, self._incoming, server, self._processor.now())

    def sample_processing(self) -> Figures:
        """Note how full the processing queue is."""
        return sampling.sample_processing(self._database, self._retries, self._processor.now())

    def verify(self) -> list[Line]:
        """Verify the ledger, and keep what was found. Raises `HeldByAnother` while a long drain is under way."""
        ledger = Ledger(self._database, self._incoming, self._retries, count_facts)
        return verifying.verify(ledger, self._database, self._clock, self._runs)
