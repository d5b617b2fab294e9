"""What a retry queue tells for the eye: what its events wait for, and all that it knows of one event."""

from dataclasses import dataclass

from owa.events import Event
from owa.queues.contract.items import Remaining, State

AwaitedPlace = tuple[int, str]
"""Where a key stands among those that are waited for: since when, in microseconds, and which."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A key that events wait for."""

    key: str
    since: int
    """When the first of them began to wait, in microseconds, moved on by the length of each pause."""
    count: int
    """How many they are, at most as many as were to be counted."""
    last: Event | None
    """The one that began to wait last; None: it cannot be read."""
    first_at: int | None = None
    """When the first of them really began to wait, whatever was paused since; None: it is `since`."""

    @property
    def place(self) -> AwaitedPlace:
        return self.since, self.key


@dataclass(frozen=True, slots=True)
class Trail:
    """What a retry queue knows of an event: of its part for the core, or for one event handler."""

    handler: str
    """Empty: the core."""
    state: State | None
    """None: it is finished."""
    remaining: Remaining
    """What is, or was, left to do."""
    attempts: int
    """That failed."""
    error: str
    """Of the last attempt that failed."""
    waits_for: str
    """The key; empty: it waits for none."""
    due_at: int | None
    """When it is tried again, in microseconds, as all moments here."""
    inserted_at: int
    tried_at: int | None
    """When it was last tried."""
    finished_at: int | None
    owner: str
    """The process that has it at this moment; empty: none has."""
    handled_by: str
    """The process of the last attempt, if that is known."""
    duration: int | None
    """Of the last attempt, in microseconds, if that is known."""
    event: Event | None
    """None: it cannot be read."""
