"""What a queue promises that takes events in, and gives them out in batches."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sqlalchemy import Connection

from owa.db.receipts import Receipt
from owa.events import Entry, Event


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes in a queue that are no record of ours. They are kept where they are; the rest goes on."""

    segment: str
    offset: int
    """Of the first byte, in the segment."""
    length: int
    """In bytes."""
    reason: str
    excerpt: str
    """The first bytes, for the admin to recognise it. Hostile text like any other."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Events that another server was sent, each answered for."""

    events: tuple[Event, ...]
    """Those that it has taken."""
    refused: tuple[tuple[Event, str], ...] = ()
    """Those that it has not: each with its reason, for the admin."""
    is_confirmed: bool = True
    """False: that server acknowledges nothing; it has only not said that it failed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source gives out in one go."""

    entries: tuple[Entry, ...]
    quarantined: tuple[Quarantined, ...]
    acknowledge: Callable[[Connection], None]
    """To be called inside the transaction that stores the effects. Raises `Overtaken` when another drain was faster:
    the transaction must then be rolled back. A batch that is not acknowledged is given out again."""
    receipts: tuple[Receipt, ...] | None = None
    """The last numbers of the writers' records in it; None: this source's records carry none."""
    redelivers: bool = False
    """Whether the source may give out what it gave out before: then a duplicate is no receipt, and is not counted."""
    successor: "EventQueue | None" = None
    """The queue that is to have its events; None: they are processed."""
    forwarded: Forwarded | None = None
    """What the source has sent to another server before it gave the batch out: such events are not among the
    entries."""

    is_queued: bool = True
    """False: its event has been in no queue."""

    @property
    def size(self) -> int:
        """How much was read for it."""
        sent = len(self.forwarded.events) + len(self.forwarded.refused) if self.forwarded else 0
        return len(self.entries) + len(self.quarantined) + sent


@dataclass(slots=True)
class Pending:
    """What stands in a queue and has not been processed, for the ledger."""

    events: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Events by server and site."""
    refusals: Counter[tuple[int, str]] = field(default_factory=Counter)
    receipts: list[Receipt] = field(default_factory=list)
    """The last numbers of the writers, those of drained records included."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """What an admin wants to know of a queue."""

    depth: int
    """Events that wait in it."""
    oldest_at: int | None
    """Since when the oldest of them is in it, in microseconds; None when there is none."""
    details: dict[str, int] = field(default_factory=dict)
    """More figures of this kind of queue, by name."""
    oldest_due_at: int | None = None
    """Of a queue in which some wait for another event: the same without those; None when there is none."""


class Source(Protocol):
    """The reading end, held by one drain at a time."""

    def lease(self, limit: int) -> Batch | None:
        """The next batch of at most `limit` entries; None when all is given out that was in the queue when it was
        first asked. What comes later may be left to the next drain: one that kept up with busy sites would never end.

        The previous batch must have been acknowledged, or its transaction rolled back: then it comes again.
        """


@runtime_checkable
class EventQueue(Protocol):
    """A queue of events."""

    def put(self, entries: Sequence[Entry]) -> None:
        """Keep the entries. When it returns, they survive the death of this process (and, with durability `fsync`,
        a power loss). Raises `QueueUnavailable`: then none of them may be taken for kept."""

    def drain(self, wait: float = 0.0) -> AbstractContextManager[Source]:
        """Hold the reading end. Raises `HeldByAnother` when another drain holds it for `wait` seconds longer. The death
        of its holder frees it."""

    def check(self) -> None:
        """Raises `QueueUnavailable` when a `put` would now."""

    def status(self) -> QueueStatus:
        """Figures for the admin; may read the whole queue. With the database away they may be too great, and details
        may be missing."""

    def latest(self, count: int) -> list[Event]:
        """The `count` events put last and not yet drained, latest first. For the eye, not for processing."""

    def pending(self) -> Pending:
        """What waits in it, for the ledger. To be called by the holder of the reading end."""

    def close(self) -> None:
        """Let go of files and connections."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What came of looking for an event in a queue."""

    event: Event | None
    where: str
    """The file or place that it stands in; empty: it was not found."""
    is_whole: bool
    """Whether all of the queue was searched, or enough to find it."""


@runtime_checkable
class SearchableQueue(EventQueue, Protocol):
    """A queue in which single events can be looked for. Others need not offer that."""

    def find(self, guid: int, limit: int) -> Sought:
        """Look for an event that has not been drained, in at most `limit` bytes. For the eye."""


@runtime_checkable
class ForwardingQueue(EventQueue, Protocol):
    """A queue whose source sends events to another server. What is taken from its spool instead has not been sent."""

    @property
    def spool(self) -> EventQueue:
        """Where its events are until they are sent."""
