"""What a retry queue tells of events that failed."""

from dataclasses import dataclass
from enum import StrEnum

from owa.queues.contract.items import Key, Remaining, State

MOST = 10_000
"""Up to which events are counted: more are `10,000+`."""

ATTEMPTS_KEPT = 25
"""Attempts of an event for one handler that are remembered: the last ones."""

LONGEST_TRACE = 8_000
"""Characters of an attempt's traceback that are remembered: its head and its tail."""


class FailedState(StrEnum):
    """What has become of an event that failed."""

    FAILED = "failed"
    """It was given up, and stays until somebody retries or discards it."""
    RETRYING = "retrying"
    """Its last attempt failed; it is tried again."""
    DISCARDED = "discarded"
    """Somebody has discarded it; that can be undone until it is flushed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An event that failed, or a row that holds none that can be read."""

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
    """When it was given up; of one that is tried again, when it failed last."""
    handler: str = ""
    """Which event handler failed; empty: the core's."""
    handled_by: str = ""
    """The process of the last attempt, if that is known."""
    duration: int | None = None
    """How long the last attempt took, in microseconds, if that is known."""
    state: FailedState = FailedState.FAILED
    fingerprint: str = ""
    """Of the error: see `owa.fingerprints`."""
    due_at: int | None = None
    """When it is tried again."""
    discarded_at: int | None = None

    @property
    def key(self) -> Key:
        """What it is called in this queue."""
        return self.guid, self.handler

    @property
    def place(self) -> "Place":
        """Where it stands in the list of failed events."""
        return self.failed_at if self.discarded_at is None else self.discarded_at, self.guid, self.handler


Place = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class FailedFilter:
    """Which events are wanted. An empty field: whatever it is."""

    event_type: str = ""
    site_id: str = ""
    handler: str | None = None
    """None: whichever; empty: the core."""
    server: int | None = None
    error: str = ""
    """Words that are all in the error, in any case of ASCII letters."""
    fingerprint: str = ""
    since: int | None = None
    """It was given up, failed last or was discarded at or after that moment; microseconds."""
    until: int | None = None
    """The same, before that moment."""
    guid: int | None = None
    session_id: int | None = None
    visitor_id: int | None = None
    state: FailedState = FailedState.FAILED


@dataclass(frozen=True, slots=True)
class Capped:
    """A number that is not counted to its end."""

    number: int
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class FailedKinds:
    """What there is among failed events, in order; the first ones if there are many."""

    event_types: tuple[str, ...]
    site_ids: tuple[str, ...]
    handlers: tuple[str, ...]
    """Empty: the core."""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Failed events with the same error."""

    fingerprint: str
    error: str
    """Of the one that failed last."""
    count: Capped
    first_at: int
    """When the first one that is still there was given up, in microseconds."""
    last_at: int
    handlers: tuple[str, ...]
    """Of those that failed last. Empty: the core."""
    site_ids: tuple[str, ...]
    """Of those that failed last."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that failed."""

    number: int
    """From 1, of all that this event's handler has made."""
    at: int
    """Microseconds."""
    error: str
    trace: str
    process: str
    """Which one made it, as `owa.node` names it, if that is known."""
    duration: int | None
    """Microseconds, if that is known."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Events that fail, or have been given up: how many, and the one that has for the longest."""

    state: State
    """`RETRYING` or `FAILED`."""
    count: int
    """At most one more than was asked for."""
    guid: int
    event_type: str
    site_id: str
    handler: str
    """Which event handler fails; empty: the core's."""
    error: str
    since: int
    """Microseconds."""
