"""What goes into a retry queue and comes out of it: what is left to do for single events."""

from dataclasses import dataclass
from enum import StrEnum

from owa.events import Event

Key = tuple[int, str]
"""What is kept of an event: its guid, and for whom. An event handler is named `MODULE:NAME`; empty: the core."""


class Remaining(StrEnum):
    """What is left to do for an event of the retry queue."""

    EVERYTHING = "everything"
    """No row was written for it."""
    SESSION = "session"
    """Its own fact row is written; its part in the session is not."""
    QUEUE = "queue"
    """It was taken here, and refused by the server that it was forwarded to: it goes back on the incoming queue."""
    DELIVERY = "delivery"
    """The core has finished it; an event handler has not."""
    FOLLOW_UP = "follow_up"
    """OWA made it itself; it was never received. An event handler has not finished it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that cannot be finished before something else has come."""

    event: Event
    key: str
    """What it waits for, as `session_key` spells it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that an event handler is to be given."""

    event: Event
    handler: str
    """`MODULE:NAME`."""
    remaining: Remaining = Remaining.DELIVERY
    """Or `FOLLOW_UP`."""


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
    handler: str = ""
    """Which event handler; empty: the core's."""
    duration: int | None = None
    """How long the attempt took, in microseconds, if that is known."""
    process: str = ""
    """Which one made the attempt, as `owa.node` names it."""


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
    handler: str = ""
    """For which event handler; empty: for the core."""

    @property
    def key(self) -> Key:
        return self.event.guid, self.handler


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of the retry queue that holds no event that can be read."""

    site_id: str
    server: int
    error: str
    handler: str = ""
    """For which event handler it was; empty: for the core."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Events of the retry queue that are the caller's until its transaction ends."""

    items: tuple[Item, ...]
    unreadable: tuple[Unreadable, ...]
    """Given up already."""


@dataclass(frozen=True, slots=True)
class Lease(Claim):
    """Events of the retry queue that are the caller's, also when its transaction has ended: until the lease ends, and
    for as long after that as nobody else wants them. One with fewer items is a lease of those."""

    token: str
    """Proves the lease: see `RetryQueue.confirm`."""


class State(StrEnum):
    """What a retry queue does with an event."""

    WAITING = "waiting"
    QUEUED = "queued"
    """It was not delivered to an event handler so far."""
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
    handler: str = ""
    """Which event handler has not finished it; empty: the core."""
