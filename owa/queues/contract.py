"""What a queue promises. Each back-end, ours or a third party's, passes the suite in `owa.queues.testing`.

Two kinds: an `EventQueue` takes events in and gives them out in batches; a `RetryQueue` keeps, one by one, those that
could not be finished: the waiting and the failing ones.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
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


class Source(Protocol):
    """The reading end, held by one drain at a time."""

    def lease(self, limit: int) -> Batch | None:
        """The next batch of at most `limit` entries; None when the queue is empty.

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

    def prune(self, older_than: float) -> int:
        """Delete what was archived more than `older_than` seconds ago; returns how many archives went."""

    def close(self) -> None:
        """Let go of files and connections."""


class Remaining(StrEnum):
    """What is left to do for an event of the retry queue."""

    EVERYTHING = "everything"
    """No row was written for it."""
    SESSION = "session"
    """Its own fact row is written; its part in the session is not."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that cannot be finished before something else has come."""

    event: Event
    key: str
    """What it waits for, as `session_key` spells it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An event whose handler raised."""

    event: Event
    remaining: Remaining
    error: str
    """One line, for the admin."""
    trace: str
    """The traceback."""
    attempts: int
    """Including this one."""
    failing_since: int
    """When its first attempt failed, in microseconds."""
    retry_at: int | None
    """Microseconds; None: given up."""


@dataclass(frozen=True, slots=True)
class Item:
    """A claimed event of the retry queue."""

    event: Event
    remaining: Remaining
    attempts: int
    """Attempts that failed so far. Waiting is not one."""
    inserted_at: int
    """Microseconds."""
    failing_since: int | None = None
    """When its first attempt failed, in microseconds; None: none has."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of the retry queue that holds no event that can be read."""

    site_id: str
    server: int
    error: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Events of the retry queue that are the caller's until its transaction ends."""

    items: tuple[Item, ...]
    unreadable: tuple[Unreadable, ...]
    """Given up already."""


@dataclass(frozen=True, slots=True)
class Lease(Claim):
    """Events of the retry queue that are the caller's, also when its transaction has ended: until the lease ends, and
    for as long after that as nobody else wants them."""

    token: str
    """Proves the lease: see `RetryQueue.confirm`."""


class State(StrEnum):
    """What a retry queue does with an event."""

    WAITING = "waiting"
    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Kept:
    """An unfinished event of the retry queue, for the eye."""

    event: Event
    state: State
    error: str
    """Of the last attempt; empty when there was none."""
    due_at: int | None
    """When it is tried again, in microseconds."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An event that was given up, or a row that holds none that can be read."""

    guid: int
    event_type: str
    site_id: str
    server: int
    payload: bytes
    """What is kept of it: an event as `owa.events.dumps` writes it, or whatever cannot be read."""
    remaining: Remaining
    waited_for: str
    """The key that it has waited for in vain; empty: it was given up for another reason."""
    error: str
    trace: str
    attempts: int
    inserted_at: int
    """When it came into this queue, in microseconds, as the next ones."""
    failing_since: int | None
    failed_at: int
    """When it was given up."""

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the list of failed events."""
        return self.failed_at, self.guid


@dataclass(frozen=True, slots=True)
class FailedFilter:
    """Which failed events are wanted. An empty field: whatever it is."""

    event_type: str = ""
    site_id: str = ""


@runtime_checkable
class RetryQueue(Protocol):
    """Events that wait or are tried again. All its calls work inside the caller's transaction, so that an event and
    its fate change together."""

    def wait(self, connection: Connection, waiting: Iterable[Waiting], now: int) -> None:
        """Keep events that wait for a key."""

    def keep(self, connection: Connection, failures: Iterable[Failure], now: int) -> None:
        """Keep events that failed: to be tried again, or given up."""

    def wake(self, connection: Connection, keys: Iterable[str], now: int) -> int:
        """Make the events that wait for one of `keys` due now, also those given up waiting; returns how many."""

    def waited_for(self, connection: Connection, limit: int, after: str = "") -> list[str]:
        """Keys that something waits for, in their order: the first `limit` that come after `after`."""

    def overdue(self, connection: Connection, before: int, limit: int) -> list[str]:
        """Keys for which the first event began to wait at or before that moment: those of at most `limit` events, the
        longest awaited first."""

    def claim_waiting(self, connection: Connection, key: str, limit: int, now: int) -> Claim:
        """At most `limit` events that wait for `key`. They are the caller's until its transaction ends."""

    def give_up_waiting(self, connection: Connection, keys: Iterable[str], error: str, now: int) -> list[Event]:
        """Give up the events that wait for one of `keys`; returns them. If the key comes after all, they are woken."""

    def move_waiting(self, connection: Connection, by: int) -> None:
        """Move the moments at which events began to wait on by so many microseconds: meanwhile nothing could come."""

    def lease(
        self,
        connection: Connection,
        limit: int,
        now: int,
        *,
        until: int,
        owner: str,
        attempted_before: int | None = None,
    ) -> Lease:
        """At most `limit` due events that nobody has leased, the longest due first, for `owner` and until that moment,
        when they are due again. A row whose event cannot be read is given up, with the reason.
        `attempted_before`: also those whose back-off has not ended, if their last attempt was before that moment."""

    def confirm(self, connection: Connection, lease: Lease) -> None:
        """To be called inside the transaction that settles a lease. Raises `Overtaken` when one of its events is
        somebody else's by now: the transaction must then be rolled back."""

    def owners(self, connection: Connection) -> list[str]:
        """Who has leased events."""

    def release(self, connection: Connection, owner: str, now: int) -> int:
        """End the leases of an owner that is no more: its events are due now. Returns how many."""

    def done(self, connection: Connection, events: Iterable[Event], now: int) -> None:
        """These are finished."""

    def status(self, connection: Connection) -> QueueStatus:
        """Figures; `details` has `waiting`, `retrying` and `failed`."""

    def states(self, connection: Connection) -> Counter[tuple[int, str, State, Remaining]]:
        """How many unfinished events are in which state, by server and site, and what remains to be done for them."""

    def latest(self, connection: Connection, count: int) -> list[Kept]:
        """The `count` unfinished events received last, latest first."""

    def failed(
        self, connection: Connection, wanted: FailedFilter, limit: int, before: tuple[int, int] | None = None
    ) -> list[Failed]:
        """The first `limit` failed events, the last failed one first; `before`: of those that come after that place."""

    def failed_kinds(self, connection: Connection) -> Counter[tuple[str, str]]:
        """How many events are failed, by type and site."""

    def find_failed(self, connection: Connection, guid: int) -> Failed | None:
        """The failed event of that guid; None: it is no failed one, or none at all."""

    def retry(self, connection: Connection, guids: Iterable[int], now: int) -> list[Failed]:
        """Make failed events due now, with attempts and age counted anew; those that have waited in vain wait again.
        Returns what they were. Guids that are not of failed events are passed over."""

    def discard(self, connection: Connection, guids: Iterable[int], now: int) -> list[Failed]:
        """Done with: these failed events are finished without having been processed. Returns and passes over as
        `retry` does."""

    def flush(self, connection: Connection, before: int) -> int:
        """Delete the rows of events that were finished before that moment; returns how many."""


def session_key(site_id: str, session_id: int) -> str:
    """The key that events of a session wait for."""
    return f"session:{site_id}:{session_id}"
