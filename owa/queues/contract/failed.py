"""What a retry queue tells of events that were given up."""

from dataclasses import dataclass

from owa.queues.contract.items import Key, Remaining, State


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
    handler: str = ""
    """Which event handler failed; empty: the core's."""
    handled_by: str = ""
    """The process of the last attempt, if that is known."""
    duration: int | None = None
    """How long the last attempt took, in microseconds, if that is known."""

    @property
    def key(self) -> Key:
        """What it is called in this queue."""
        return self.guid, self.handler

    @property
    def place(self) -> "Place":
        """Where it stands in the list of failed events."""
        return self.failed_at, self.guid, self.handler


Place = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class FailedFilter:
    """Which failed events are wanted. An empty field: whatever it is."""

    event_type: str = ""
    site_id: str = ""
    handler: str | None = None
    """None: whichever; empty: the core."""


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
