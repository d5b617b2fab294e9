"""The queue of a name, whichever module serves it at the moment. Whoever holds it need not know when that changes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from owa.errors import HeldByAnother, QueueUnavailable
from owa.events import Entry, Event
from owa.queues.contract import Batch, EventQueue, Pending, QueueStatus, Source


class SwitchedQueue:
    """Puts into one queue; drains that, and those that served before and may still hold events."""

    def __init__(self, sink: EventQueue, former: Sequence[EventQueue] = ()) -> None:
        self._sink = sink
        self._former = tuple(former)

    @property
    def sink(self) -> EventQueue:
        """Where events go now."""
        return self._sink

    @property
    def former(self) -> tuple[EventQueue, ...]:
        """What served before."""
        return self._former

    def use(self, sink: EventQueue, former: Sequence[EventQueue] = ()) -> None:
        """From now on. A `put` that is under way ends where it began: that queue is among `former`, or parked."""
        self._sink, self._former = sink, tuple(former)

    def put(self, entries: Sequence[Entry]) -> None:
        self._sink.put(entries)

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator[Source]:
        with ExitStack() as stack:
            sources = [stack.enter_context(self._sink.drain(wait))]
            away = None
            for queue in self._former:
                try:
                    sources.append(stack.enter_context(queue.drain()))
                except HeldByAnother:
                    continue  # then somebody is at it
                except QueueUnavailable as outage:
                    away = outage
            yield _Sources(sources, away)

    def check(self) -> None:
        self._sink.check()

    def status(self) -> QueueStatus:
        statuses = [queue.status() for queue in self._queues()]
        details: Counter[str] = Counter()
        for status in statuses:
            details.update(status.details)
        oldest = [status.oldest_at for status in statuses if status.oldest_at is not None]
        return QueueStatus(sum(status.depth for status in statuses), min(oldest, default=None), dict(details))

    def latest(self, count: int) -> list[Event]:
        events = [event for queue in self._queues() for event in queue.latest(count)]
        return sorted(events, key=lambda event: event.key, reverse=True)[:count] if self._former else events

    def pending(self) -> Pending:
        total = Pending()
        for queue in self._queues():
            pending = queue.pending()
            total.events += pending.events
            total.refusals += pending.refusals
            total.receipts += pending.receipts
        return total

    def close(self) -> None:
        for queue in self._queues():
            queue.close()

    def _queues(self) -> tuple[EventQueue, ...]:
        return (self._sink, *self._former)


class _Sources:
    """One after the other. One that is away keeps nobody from the others; that it was is told at the end."""

    def __init__(self, sources: list[Source], away: QueueUnavailable | None) -> None:
        self._sources = sources
        self._away = away

    def lease(self, limit: int) -> Batch | None:
        while self._sources:
            try:
                if batch := self._sources[0].lease(limit):
                    return batch
            except QueueUnavailable as outage:
                self._away = self._away or outage
            self._sources.pop(0)
        if self._away:
            raise self._away
        return None
