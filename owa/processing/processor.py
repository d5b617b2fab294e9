"""Settles batches: one transaction holds the rows, the fates, the counts and the acknowledgement."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from owa.clock import Clock
from owa.contributions import ProcessingContext
from owa.db.engine import WRITE_PATIENCE, Database
from owa.errors import DatabaseUnavailable
from owa.events import Event
from owa.processing.fates import Fates, note_receipts
from owa.processing.orphans import Orphans
from owa.processing.pause import Pause
from owa.processing.report import Report
from owa.processing.store import Act, HandlerTable
from owa.queues.contract import Batch, Remaining, RetryQueue

RESUME_LIMIT = 2_000
"""Events of the processing queue that are taken in one transaction."""

SYNCHRONOUS_RESUMES = 100
"""Waiting events that a request in synchronous mode finishes; the next drain finishes the others."""


class Processor:
    """Turns events into rows, and decides what becomes of each."""

    def __init__(
        self,
        database: Database,
        handlers: HandlerTable,
        retries: RetryQueue,
        context: Callable[[], ProcessingContext],
        clock: Clock,
        server: int,
        pause: Pause,
    ) -> None:
        """`context` is asked once a batch, so that a change of settings counts from the next one. `server`: this one's
        number. `pause`: remembers this server's outages."""
        self._database = database
        self._handlers = handlers
        self._retries = retries
        self._context = context
        self._clock = clock
        self._fates = Fates(retries, server)
        self._orphans = Orphans(database, handlers, retries, self._fates, pause)
        self.pause = pause

    def now(self) -> int:
        """The time, in microseconds, by the clock that decides when an event is due."""
        return self._clock.now()

    def settle(self, batch: Batch) -> Report:
        """Process a leased batch and acknowledge it. Raises `DatabaseUnavailable` or `Overtaken`: then nothing has
        changed."""
        report = self._in_one_transaction(batch, WRITE_PATIENCE)
        self._recheck(report.waited_for)
        return report

    def store_now(self, event: Event, patience: float) -> Report:
        """Process one event that has been in no queue, and finish those that waited for it. Raises
        `DatabaseUnavailable` when the database stays locked for `patience` seconds: then nothing has changed."""
        report = self._in_one_transaction(Batch((event,), (), lambda _connection: None), patience)
        with suppress(DatabaseUnavailable):  # the event is stored; the next drain finishes the others
            if report.opened or report.waited_for:
                self._recheck(report.waited_for, patience)
                self.retry(SYNCHRONOUS_RESUMES, patience=patience)
        return report

    def retry(
        self,
        limit: int = RESUME_LIMIT,
        *,
        attempted_before: int | None = None,
        since: int = 0,
        patience: float = WRITE_PATIENCE,
    ) -> Report:
        """Take one batch of due events off the retry queue. Raises `DatabaseUnavailable`.

        `attempted_before`: also those whose back-off has not ended, if their last attempt was before that moment; the
        attempt is not counted. `since`: events that began to wait at or after that moment and are finished now are
        taken off the report's `waiting`. Both in microseconds.
        """
        context, now = self._context(), self._clock.now()
        report = Report()
        with self._database.writing(patience) as connection:
            claim = self._retries.claim(connection, min(limit, RESUME_LIMIT), now, attempted_before=attempted_before)
            report.failed = report.events = len(claim.unreadable)
            self._fates.give_up_unreadable(connection, claim.unreadable, now)
            for remaining, act in ((Remaining.EVERYTHING, Act.HANDLE), (Remaining.SESSION, Act.RESUME)):
                items = {item.event.guid: item for item in claim.items if item.remaining == remaining}
                if items:
                    stored = self._handlers.store(connection, [item.event for item in items.values()], context, act)
                    part = self._fates.decide(
                        connection, stored, context, remaining, items, counted=attempted_before is None
                    )
                    if remaining is Remaining.SESSION:
                        part.waiting -= sum(items[event.guid].inserted_at >= since for event in stored.done)
                    report.add(part)
                    report.opened += part.opened
                    report.waited_for += part.waited_for
        self._recheck(report.waited_for, patience)
        return report

    def sweep(self, limit: int = 10_000) -> int:
        """Wake events whose key has come unnoticed; returns how many. Raises `DatabaseUnavailable`."""
        with self._database.reading() as connection:
            keys = self._retries.waited_for(connection, limit)
        return self._recheck(keys)

    def judge_orphans(self) -> Report:
        """Deal with sessions whose first page has not come in time. To be called when the incoming queue is empty.
        Raises `DatabaseUnavailable`."""
        report = Report()
        while part := self._orphans.judge(self._context()):
            report.add(part)
        return report

    def _in_one_transaction(self, batch: Batch, patience: float) -> Report:
        context = self._context()
        events = [entry for entry in batch.entries if isinstance(entry, Event)]
        with self._database.writing(patience) as connection:
            stored = self._handlers.store(connection, events, context, Act.HANDLE)
            report = self._fates.decide(
                connection, stored, context, Remaining.EVERYTHING, {}, redelivers=batch.redelivers
            )
            self._fates.count_others(connection, batch, report, context.now)
            note_receipts(connection, batch, stored)
            batch.acknowledge(connection)
        return report

    def _recheck(self, keys: Sequence[str], patience: float = WRITE_PATIENCE) -> int:
        """Another drain may have opened a session at the moment when we made its events wait: look once more."""
        if not keys:
            return 0
        with self._database.reading() as connection:
            opened = [key for handler in self._handlers.all for key in handler.is_open(connection, keys)]
        if not opened:
            return 0
        with self._database.writing(patience) as connection:
            return self._retries.wake(connection, opened, self._clock.now())
