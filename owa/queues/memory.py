"""A queue in memory: the smallest back-end that keeps the contract. For tests, and to read what the contract means."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from sqlalchemy import Connection

from owa.db.engine import after_commit
from owa.db.receipts import DIRECT, Receipt
from owa.errors import HeldByAnother, Overtaken
from owa.events import Entry, Event
from owa.queues.contract import Batch, Pending, QueueStatus, Sought, Source


class MemoryQueue:
    """Keeps its promises as long as the process lives."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._reader = Lock()

    def put(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(entries)

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator[Source]:
        if not self._reader.acquire(timeout=wait or -1, blocking=wait > 0):
            raise HeldByAnother("Another drain holds the memory queue.")
        try:
            yield _MemorySource(self._entries)
        finally:
            self._reader.release()

    def check(self) -> None:
        return None

    def status(self) -> QueueStatus:
        events = self._events()
        return QueueStatus(len(events), min((event.received_at for event in events), default=None))

    def latest(self, count: int) -> list[Event]:
        return self._events()[::-1][:count]

    def find(self, guid: int, _limit: int) -> Sought:
        found = next((event for event in self._events() if event.guid == guid), None)
        return Sought(found, "the memory of this process" if found else "", is_whole=True)

    def pending(self) -> Pending:
        pending = Pending()
        for entry in self._entries:
            counted = pending.events if isinstance(entry, Event) else pending.refusals
            counted[entry.server, entry.site_id] += 1
            pending.receipts.append(Receipt(DIRECT, entry.server, entry.site_id, 1))
        return pending

    def close(self) -> None:
        return None

    def _events(self) -> list[Event]:
        return [entry for entry in self._entries if isinstance(entry, Event)]


class _MemorySource:
    """Reads as far as the queue reached when it was first asked."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._left: int | None = None

    def lease(self, limit: int) -> Batch | None:
        left = len(self._entries) if self._left is None else self._left
        entries = tuple(self._entries[: min(limit, left)])
        self._left = left
        if not entries:
            return None

        def delete() -> None:
            del self._entries[: len(entries)]
            self._left = left - len(entries)

        def acknowledge(connection: Connection) -> None:
            if tuple(self._entries[: len(entries)]) != entries:
                raise Overtaken("Another drain has acknowledged these entries.")
            after_commit(connection, delete)

        return Batch(entries, (), acknowledge)
