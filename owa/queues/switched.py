"""The queue of a name, whichever module serves it at the moment. Whoever holds it need not know when that changes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from owa.errors import HeldByAnother, QueueUnavailable
from owa.events import Entry, Event
from owa.queues.contract import (
    Batch,
    EventQueue,
    ForwardingQueue,
    Pending,
    QueueStatus,
    SearchableQueue,
    Sought,
    Source,
)


class SwitchedQueue:
    """Puts into one queue; drains that, and those that served before and may still hold events. Of those that are
    `leaving`, what they hold is to be put into the one."""

    def __init__(self, sink: EventQueue, former: Sequence[EventQueue] = (), leaving: Sequence[EventQueue] = ()) -> None:
        self.use(sink, former, leaving)

    @property
    def sink(self) -> EventQueue:
        """Where events go now."""
        return self._sink

    @property
    def former(self) -> tuple[EventQueue, ...]:
        """What served before."""
        return self._former

    def use(self, sink: EventQueue, former: Sequence[EventQueue] = (), leaving: Sequence[EventQueue] = ()) -> None:
        """From now on. A `put` that is under way ends where it began: that queue is among the others, or parked."""
        self._sink, self._former, self._leaving = sink, tuple(former), tuple(leaving)

    def successor(self, queue: EventQueue) -> EventQueue | None:
        """The queue that is to have what `queue` holds; None: it is not leaving."""
        return self._sink if any(one is queue for one in self._leaving) else None

    def put(self, entries: Sequence[Entry]) -> None:
        self._sink.put(entries)

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator[Source]:
        with ExitStack() as stack:
            sources = [stack.enter_context(self._sink.drain(wait))]
            leaving: list[Source] = []
            away = None
            for queue in (*self._former, *self._leaving):
                try:
                    held = queue.spool if self.successor(queue) and isinstance(queue, ForwardingQueue) else queue
                    source = stack.enter_context(held.drain())
                except HeldByAnother:
                    continue  # then somebody is at it
                except QueueUnavailable as outage:
                    away = outage
                    continue
                if self.successor(queue):
                    leaving.append(_Leaving(source, partial(self.successor, queue)))
                else:
                    sources.append(source)
            yield _Sources([*leaving, *sources], away)  # what is moved is processed in the same drain

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
        return events if len(self._queues()) == 1 else sorted(events, key=lambda event: event.key, reverse=True)[:count]

    def find(self, guid: int, limit: int) -> Sought:
        """See `SearchableQueue`: in all those that offer it."""
        is_whole = True
        for queue in self._queues():
            sought = queue.find(guid, limit) if isinstance(queue, SearchableQueue) else Sought(None, "", is_whole=False)
            if sought.event:
                return sought
            is_whole &= sought.is_whole
        return Sought(None, "", is_whole)

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
        return (self._sink, *self._former, *self._leaving)


class _Leaving:
    """The reading end of a queue whose events are to go to another one, as long as they are."""

    def __init__(self, source: Source, successor: Callable[[], EventQueue | None]) -> None:
        self._source = source
        self._successor = successor

    def lease(self, limit: int) -> Batch | None:
        successor = self._successor()
        batch = self._source.lease(limit) if successor else None
        return replace(batch, successor=successor) if batch else None


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
