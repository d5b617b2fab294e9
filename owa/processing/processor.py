"""Settles batches: one transaction holds the rows, the fates, the counts and the acknowledgement."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from owa.clock import MICROSECONDS, Clock
from owa.contributions import INCOMING, PROCESSING, ProcessingContext
from owa.db import pauses
from owa.db.engine import WRITE_PATIENCE, Database
from owa.errors import DatabaseUnavailable, Overtaken, QueuePaused
from owa.events import Event
from owa.node import has_ended, this_process
from owa.processing.fates import Fates, note_receipts
from owa.processing.hand_over import HandOver
from owa.processing.orphans import Orphans
from owa.processing.pause import Pause
from owa.processing.report import Report
from owa.processing.store import Act, HandlerTable
from owa.queues.contract import Batch, Lease, Remaining, RetryQueue

RESUME_LIMIT = 2_000
"""Events of the processing queue that are leased at once."""

LEASE = 120
"""Seconds for which they are: longer than the database may keep a writer waiting."""

SWEEP_LIMIT = 10_000
"""Keys that are looked up at once."""

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
        put: Callable[[Sequence[Event]], None],
    ) -> None:
        """`context` is asked once a batch, so that a change of settings counts from the next one. `server`: this one's
        number. `pause`: remembers this server's outages. `put`: keeps events on the incoming queue; raises
        `QueueUnavailable`."""
        self._database = database
        self._handlers = handlers
        self._retries = retries
        self._context = context
        self._clock = clock
        self._fates = Fates(retries, server)
        self._hand_over = HandOver(database, self._fates, clock)
        self._orphans = Orphans(database, handlers, retries, self._fates, pause)
        self._put = put
        self.pause = pause

    def now(self) -> int:
        """The time, in microseconds, by the clock that decides when an event is due."""
        return self._clock.now()

    def paused(self, queue: str) -> pauses.Pause | None:
        """The admin's pause of a queue; None: there is none. Raises `DatabaseUnavailable`."""
        with self._database.reading() as connection:
            return pauses.find(connection, pauses.QUEUE, queue)

    def account_for_outage(self, until: int) -> None:
        """What waited through an outage gets its time on top as far as that moment, in microseconds: from then on an
        admin's pause counts. Raises `DatabaseUnavailable`."""
        self._orphans.account_for_outage(until)

    def settle(self, batch: Batch) -> Report:
        """Process a leased batch, or move it to the queue that is to have it, and acknowledge it. Raises
        `DatabaseUnavailable`, `QueueUnavailable` or `Overtaken`: then it comes again."""
        if batch.successor:
            return self._hand_over.move(batch, batch.successor)
        report = self._in_one_transaction(batch, WRITE_PATIENCE)
        report.woken += self._recheck(report.waited_for)
        return report

    def store_now(self, event: Event, patience: float) -> Report:
        """Process one event that has been in no queue, and finish those that waited for it. Raises
        `DatabaseUnavailable` when the database stays locked for `patience` seconds, `QueuePaused` when the incoming
        queue is paused: then nothing has changed."""
        if pause := self.paused(INCOMING):
            raise QueuePaused(str(pause))
        report = self._in_one_transaction(Batch((event,), (), lambda _: None, is_queued=False), patience)
        with suppress(DatabaseUnavailable):  # the event is stored; the next drain finishes the others
            report.woken += self._recheck(report.waited_for, patience)
            if report.woken:
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
        """Lease one batch of due events of the retry queue, and settle it. Raises `DatabaseUnavailable`.

        `attempted_before`: also those whose back-off has not ended, if their last attempt was before that moment; the
        attempt is not counted. `since`: events that began to wait at or after that moment and are finished now are
        taken off the report's `waiting`. Both in microseconds.
        """
        lease = self.lease(limit, attempted_before=attempted_before, patience=patience)
        report = Report(failed=len(lease.unreadable), events=len(lease.unreadable))
        if lease.items:
            try:
                report.add(self.settle_lease(lease, counted=attempted_before is None, since=since, patience=patience))
            except Overtaken:
                report.events += len(lease.items)
        return report

    def lease(self, limit: int, *, attempted_before: int | None = None, patience: float = WRITE_PATIENCE) -> Lease:
        """Take due events off the retry queue, for `LEASE` seconds; none while it is paused. See `retry`."""
        now = self._clock.now()
        with self._database.writing(patience) as connection:
            if pauses.find(connection, pauses.QUEUE, PROCESSING):
                return Lease((), (), "")
            lease = self._retries.lease(
                connection,
                min(limit, RESUME_LIMIT),
                now,
                until=now + LEASE * MICROSECONDS,
                owner=this_process(),
                attempted_before=attempted_before,
            )
            self._fates.give_up_unreadable(connection, lease.unreadable, now)
        return lease

    def settle_lease(
        self, lease: Lease, *, counted: bool = True, since: int = 0, patience: float = WRITE_PATIENCE
    ) -> Report:
        """Process leased events. `counted`: whether a failure counts as an attempt. `since`: see `retry`. Raises
        `DatabaseUnavailable`, `QueueUnavailable` or `Overtaken`: then nothing has changed, but that events which go
        back on the queue may be there; their guids make the second time harmless."""
        context = self._context()
        report = Report()
        if back := [item.event for item in lease.items if item.remaining is Remaining.QUEUE]:
            self._put(back)
        with self._database.writing(patience) as connection:
            self._retries.confirm(connection, lease)
            self._fates.put_back(connection, back, report, context.now)
            for remaining, act in ((Remaining.EVERYTHING, Act.HANDLE), (Remaining.SESSION, Act.RESUME)):
                items = {item.event.guid: item for item in lease.items if item.remaining == remaining}
                if items:
                    stored = self._handlers.store(connection, [item.event for item in items.values()], context, act)
                    part = self._fates.decide(connection, stored, context, remaining, items, counted=counted)
                    if remaining is Remaining.SESSION:
                        part.waiting -= sum(items[event.guid].inserted_at >= since for event in stored.done)
                    report.add(part)
                    report.waited_for += part.waited_for
        self._recheck(report.waited_for, patience)
        return report

    def free_leases(self) -> int:
        """End the leases of this machine's processes that are no more; returns how many events are due again. Raises
        `DatabaseUnavailable`."""
        with self._database.reading() as connection:
            gone = [owner for owner in self._retries.owners(connection) if has_ended(owner)]
        if not gone:
            return 0
        with self._database.writing() as connection:
            return sum(self._retries.release(connection, owner, self._clock.now()) for owner in gone)

    def look_again(self, keys: Sequence[str]) -> int:
        """Wake events that wait for one of these keys, if it has come unnoticed; returns how many. Raises
        `DatabaseUnavailable`."""
        return self._recheck(keys)

    def sweep(self) -> int:
        """The same for all keys that something waits for."""
        woken, last = 0, ""
        while True:
            with self._database.reading() as connection:
                keys = self._retries.waited_for(connection, SWEEP_LIMIT, last)
            if not keys:
                return woken
            woken += self._recheck(keys)
            last = keys[-1]

    def judge_orphans(self) -> Report:
        """Deal with sessions whose first page has not come in time. To be called when the incoming queue is empty.
        While the processing queue is paused, nothing is judged. Raises `DatabaseUnavailable`."""
        report = Report()
        if pause := self.paused(PROCESSING):
            self.account_for_outage(pause.paused_at)
            return report
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
            if batch.forwarded:
                self._fates.note_forwarded(connection, batch.forwarded, report, context.now)
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
