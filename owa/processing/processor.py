"""Settles batches: one transaction holds the rows, the fates, the counts and the acknowledgement."""

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection

from owa.clock import MICROSECONDS, Clock
from owa.contributions import ProcessingContext
from owa.db.counts import Outcome, Tally
from owa.db.engine import WRITE_PATIENCE, Database
from owa.errors import DatabaseUnavailable
from owa.events import Event, Refusal
from owa.processing.retry import RetryPolicy
from owa.processing.settings import QUEUE_MAX_RETRY_AGE, QUEUE_MAX_RETRY_COUNT
from owa.processing.store import HandlerTable, Problem, Stored
from owa.queues.contract import Batch, Failure, Item, Remaining, RetryQueue, Unreadable

RESUME_LIMIT = 2_000
"""Events of the processing queue that are taken in one transaction."""

SYNCHRONOUS_RESUMES = 100
"""Waiting events that a request in synchronous mode finishes; the next drain finishes the others."""


@dataclass(slots=True)
class Report:
    """What became of the entries of one or more batches."""

    processed: int = 0
    duplicate: int = 0
    waiting: int = 0
    retrying: int = 0
    failed: int = 0
    quarantined: int = 0
    refused: int = 0
    events: int = 0
    """How many events were looked at."""
    opened: list[str] = field(default_factory=list)
    """Keys that waiting events may have waited for."""
    waited_for: list[str] = field(default_factory=list)
    """Keys of the events that began to wait."""

    def add(self, other: "Report") -> None:
        for name in ("processed", "duplicate", "waiting", "retrying", "failed", "quarantined", "refused", "events"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


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
    ) -> None:
        """`context` is asked once a batch, so that a change of settings counts from the next one."""
        self._database = database
        self._handlers = handlers
        self._retries = retries
        self._context = context
        self._clock = clock
        self._server = server

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
            _count_unreadable(connection, claim.unreadable, now)
            for remaining in Remaining:
                group = {item.event.guid: item for item in claim.items if item.remaining == remaining}
                if group:
                    events = [item.event for item in group.values()]
                    stored = self._handlers.store(connection, events, context, resume=remaining is Remaining.SESSION)
                    self._retries.done(connection, (*stored.done, *stored.duplicates), now)
                    counted = attempted_before is None
                    report.add(self._decide(connection, stored, context, remaining, group, counted=counted))
                    if remaining is Remaining.SESSION:
                        report.waiting -= sum(group[event.guid].inserted_at >= since for event in stored.done)
                    report.opened += stored.opened
                    report.waited_for += [item.key for item in stored.waiting]
        self._recheck(report.waited_for, patience)
        return report

    def sweep(self, limit: int = 10_000) -> int:
        """Wake events whose key has come unnoticed; returns how many. Raises `DatabaseUnavailable`."""
        with self._database.reading() as connection:
            keys = self._retries.waited_for(connection, limit)
        return self._recheck(keys)

    def _in_one_transaction(self, batch: Batch, patience: float) -> Report:
        context = self._context()
        events = [entry for entry in batch.entries if isinstance(entry, Event)]
        with self._database.writing(patience) as connection:
            stored = self._handlers.store(connection, events, context) if events else Stored()
            report = self._decide(connection, stored, context, Remaining.EVERYTHING, {})
            report.opened, report.waited_for = stored.opened, [item.key for item in stored.waiting]
            self._count_others(connection, batch, report, context.now)
            batch.acknowledge(connection)
        return report

    def _decide(
        self,
        connection: Connection,
        stored: Stored,
        context: ProcessingContext,
        remaining: Remaining,
        items: dict[int, Item],
        *,
        counted: bool = True,
    ) -> Report:
        """Keep what cannot be finished, wake what can, and count. `items`: the retry queue's rows, by guid. `counted`:
        whether a failure counts as an attempt."""
        now = context.now
        self._retries.wait(connection, stored.waiting, now)
        failures = [self._failure(problem, context, remaining, items, counted) for problem in stored.problems]
        self._retries.keep(connection, failures, now)
        self._retries.wake(connection, stored.opened, now)
        given_up = [failure for failure in failures if failure.retry_at is None]
        tally = Tally()
        _count(tally, Outcome.PROCESSED, stored.done)
        _count(tally, Outcome.DUPLICATE, stored.duplicates)
        for failure in given_up:
            _count(tally, Outcome.FAILED, [failure.event], detail=failure.error)
        for event, name in stored.coerced:
            _count(tally, Outcome.COERCED, [event], reason=name[:64])
        tally.store(connection)
        return Report(
            processed=len(stored.done),
            duplicate=len(stored.duplicates),
            waiting=len(stored.waiting),
            retrying=len(failures) - len(given_up),
            failed=len(given_up),
            events=len(stored.done) + len(stored.duplicates) + len(stored.waiting) + len(failures),
        )

    def _failure(
        self,
        problem: Problem,
        context: ProcessingContext,
        remaining: Remaining,
        items: dict[int, Item],
        counted: bool,
    ) -> Failure:
        item = items.get(problem.event.guid)
        attempts = (item.attempts if item else 0) + counted
        age = (context.now - item.inserted_at) / MICROSECONDS if item else 0.0
        policy = RetryPolicy(context.settings[QUEUE_MAX_RETRY_COUNT], context.settings[QUEUE_MAX_RETRY_AGE])
        delay = policy.delay(attempts, age, random.random())
        retry_at = None if delay is None else context.now + round(delay * MICROSECONDS)
        return Failure(problem.event, remaining, problem.error, problem.trace, attempts, retry_at)

    def _count_others(self, connection: Connection, batch: Batch, report: Report, now: int) -> None:
        """Count what is no event: refusals, and bytes that are no records."""
        tally = Tally()
        for entry in batch.entries:
            if isinstance(entry, Refusal):
                report.refused += 1
                tally.add(
                    Outcome.REFUSED,
                    server=entry.server,
                    site_id=entry.site_id,
                    at=entry.received_at,
                    reason=entry.reason.value,
                    detail=entry.detail,
                )
        for part in batch.quarantined:
            report.quarantined += 1
            place = f"{part.segment} at byte {part.offset}: {part.reason}"
            tally.add(Outcome.QUARANTINED, server=self._server, site_id="", at=now, detail=place)
        tally.store(connection)

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


def _count_unreadable(connection: Connection, rows: Iterable[Unreadable], now: int) -> None:
    tally = Tally()
    for row in rows:
        tally.add(Outcome.FAILED, server=row.server, site_id=row.site_id, at=now, detail=row.error)
    tally.store(connection)


def _count(tally: Tally, outcome: Outcome, events: Iterable[Event], *, reason: str = "", detail: str = "") -> None:
    for event in events:
        tally.add(
            outcome,
            server=event.server,
            site_id=event.site_id,
            at=event.received_at,
            reason=reason,
            detail=detail,
        )
