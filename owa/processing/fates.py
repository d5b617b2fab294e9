"""Decides what becomes of each event that the handlers have seen, and writes it down, in their transaction."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING, ProcessingContext
from owa.db import history, receipts
from owa.db.counts import Outcome, Tally
from owa.events import Event, Refusal
from owa.node import this_process
from owa.processing.report import Report
from owa.processing.retry import RetryPolicy
from owa.processing.settings import QUEUE_MAX_RETRY_AGE, QUEUE_MAX_RETRY_COUNT
from owa.processing.store import Problem, Stored
from owa.queues.contract import Batch, Failure, Forwarded, Item, Key, Remaining, RetryQueue, Unreadable
from owa.queues.records import SEPARATOR

DELIVERED = "delivered"
"""Why an event counts as processed that only event handlers want: it has left no fact."""

DAMAGED, FOREIGN = "damaged", "foreign"
"""What was quarantined: it looks like a record that this server's writers have numbered, or not."""


UNCONFIRMED = "unconfirmed"
"""What was forwarded to a server that acknowledges nothing."""


class Fates:
    """Keeps what cannot be finished, wakes what can be, and counts."""

    def __init__(self, retries: RetryQueue, server: int) -> None:
        """`server`: this one's number, for what carries none."""
        self._retries = retries
        self._server = server

    def decide(
        self,
        connection: Connection,
        stored: Stored,
        context: ProcessingContext,
        remaining: Remaining,
        items: Mapping[int, Item],
        *,
        counted: bool = True,
        redelivers: bool = False,
    ) -> Report:
        """Write down the fates of a batch. `remaining`: what was left to do for its events. `items`: the retry queue's
        rows, by guid, if they come from there. `counted`: whether a failure counts as an attempt. `redelivers`: see
        `owa.queues.contract.Batch`."""
        if stored.deliveries:
            self._enqueue(connection, stored, context.now)
        failures = [
            failure_of(problem, context, remaining, items.get(problem.event.guid), counted=counted)
            for problem in stored.problems
        ]
        resumed = [event for event in stored.finished() if event.guid in items]
        self._retries.done(connection, resumed, context.now)
        history.count_done(connection, PROCESSING, history.SHARED, len(resumed))
        self._retries.wait(connection, stored.waiting, context.now)
        given_up = self.keep(connection, failures, context.now)
        woken = self._retries.wake(connection, stored.opened, context.now)
        tally = Tally()
        _count(tally, Outcome.PROCESSED, stored.done)
        _count(tally, Outcome.PROCESSED, stored.handed_on, reason=DELIVERED)
        if not redelivers:
            _count(tally, Outcome.DUPLICATE, stored.duplicates)
        for event, name in stored.coerced:
            _count(tally, Outcome.COERCED, [event], reason=name[:64])
        tally.store(connection)
        return Report(
            processed=len(stored.done) + len(stored.handed_on),
            duplicate=len(stored.duplicates),
            waiting=len(stored.waiting),
            retrying=len(failures) - given_up,
            failed=given_up,
            events=sum(1 for _ in stored.finished()) + len(stored.waiting) + len(failures),
            woken=woken,
            waited_for=[item.key for item in stored.waiting],
        )

    def keep(self, connection: Connection, failures: Sequence[Failure], now: int) -> int:
        """Keep what failed, be it the core's or an event handler's, and count what is given up; returns how many that
        are."""
        self._retries.keep(connection, failures, now)
        tally, given_up = Tally(), [failure for failure in failures if failure.retry_at is None]
        for failure in given_up:
            reason = Remaining.DELIVERY.value if failure.handler else ""
            detail = f"{failure.handler}: {failure.error}" if failure.handler else failure.error
            _count(tally, Outcome.FAILED, [failure.event], reason=reason, detail=detail)
        tally.store(connection)
        history.count_done(connection, PROCESSING, history.SHARED, len(given_up))
        return len(given_up)

    def _enqueue(self, connection: Connection, stored: Stored, now: int) -> None:
        """Only the core's tables tell whether an event was there before. Of what leaves no fact, this queue does."""
        new = self._retries.enqueue(connection, stored.deliveries, now)
        handed_on: list[Event] = []
        keys: dict[int, set[Key]] = {}
        for delivery in stored.deliveries:
            keys.setdefault(delivery.event.guid, set()).add((delivery.event.guid, delivery.handler))
        for event in stored.handed_on:
            mine = keys[event.guid]
            (handed_on if mine <= new else stored.duplicates).append(event)
            new -= mine
        stored.handed_on = handed_on

    def give_up(self, connection: Connection, events: Iterable[Event], error: str) -> None:
        """Count events that the retry queue has given up."""
        tally = Tally()
        events = list(events)
        _count(tally, Outcome.FAILED, events, detail=error)
        tally.store(connection)
        history.count_done(connection, PROCESSING, history.SHARED, len(events))

    def give_up_unreadable(self, connection: Connection, rows: Iterable[Unreadable], now: int) -> None:
        """Count rows of the retry queue that hold no event that can be read."""
        tally = Tally()
        for row in rows:
            reason = Remaining.DELIVERY.value if row.handler else ""
            tally.add(Outcome.FAILED, server=row.server, site_id=row.site_id, at=now, reason=reason, detail=row.error)
        tally.store(connection)
        history.count_done(connection, PROCESSING, history.SHARED, tally.total(Outcome.FAILED))

    def count_others(self, connection: Connection, batch: Batch, report: Report, now: int) -> None:
        """Count what is no event: refusals, and bytes that are no records; and that the queue's events have left it."""
        history.count_done(connection, INCOMING, self._server, _events_of(batch))
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
            was_record = batch.receipts is not None and part.excerpt.startswith(SEPARATOR.decode())
            reason = DAMAGED if was_record else FOREIGN
            tally.add(Outcome.QUARANTINED, server=self._server, site_id="", at=now, reason=reason, detail=place)
        tally.store(connection)

    def put_back(self, connection: Connection, events: Sequence[Event], report: Report, now: int) -> None:
        """Events are on the incoming queue again, which says that they were taken."""
        self._retries.done(connection, events, now)
        history.count_done(connection, PROCESSING, history.SHARED, len(events))
        for (server, site_id), count in sorted(Counter((event.server, event.site_id) for event in events).items()):
            receipts.take(connection, server, site_id, -count)
        report.moved += len(events)
        report.events += len(events)

    def note_forwarded(self, connection: Connection, forwarded: Forwarded, report: Report, now: int) -> None:
        """Write down what became of events that another server was sent. Those that it refused are failed ones."""
        tally = Tally()
        _count(tally, Outcome.FORWARDED, forwarded.events, reason="" if forwarded.is_confirmed else UNCONFIRMED)
        failures = [
            Failure(
                event, Remaining.QUEUE, error, "", attempts=1, failing_since=now, retry_at=None, process=this_process()
            )
            for event, error in forwarded.refused
        ]
        report.failed += self.keep(connection, failures, now)
        tally.store(connection)
        report.forwarded += len(forwarded.events)
        report.events += len(forwarded.events) + len(failures)


def _events_of(batch: Batch) -> int:
    """How many the queue has given out."""
    sent = len(batch.forwarded.events) + len(batch.forwarded.refused) if batch.forwarded else 0
    return sent + sum(isinstance(entry, Event) for entry in batch.entries) if batch.is_queued else 0


def note_receipts(connection: Connection, batch: Batch, stored: Stored) -> None:
    """Note what was taken: by the numbers of the records, or one by one."""
    if batch.receipts is not None:
        receipts.see(connection, batch.receipts)
        return
    taken = Counter((entry.server, entry.site_id) for entry in batch.entries)
    if batch.redelivers:
        taken -= Counter((event.server, event.site_id) for event in stored.duplicates)
    for (server, site_id), count in sorted(taken.items()):
        receipts.take(connection, server, site_id, count)


def failure_of(
    problem: Problem,
    context: ProcessingContext,
    remaining: Remaining,
    item: Item | None,
    *,
    counted: bool = True,
    duration: int | None = None,
) -> Failure:
    """What is kept of an event whose handler failed: when it is tried again, if it is. `item`: the retry queue's row;
    None: it comes from elsewhere. `counted`: whether it counts as an attempt. `duration`: of it, in microseconds."""
    attempts = (item.attempts if item else 0) + counted
    failing_since = (item.failing_since if item else None) or context.now
    policy = RetryPolicy(context.settings[QUEUE_MAX_RETRY_COUNT], context.settings[QUEUE_MAX_RETRY_AGE])
    delay = policy.delay(attempts, (context.now - failing_since) / MICROSECONDS, random.random())
    return Failure(
        event=problem.event,
        remaining=remaining,
        error=problem.error,
        trace=problem.trace,
        attempts=attempts,
        failing_since=failing_since,
        retry_at=None if delay is None else context.now + round(delay * MICROSECONDS),
        handler=item.handler if item else "",
        duration=problem.duration if duration is None else duration,
        process=this_process(),
    )


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
