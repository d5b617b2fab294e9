"""Runs the handlers over a batch, inside one transaction. A poisoned event costs only itself: the batch is tried again
in halves, each in a savepoint, until the culprit stands alone."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from sqlalchemy import Connection

from owa.contributions import EventHandler, Handled, ProcessingContext
from owa.db.outages import is_outage
from owa.errors import Outage, told
from owa.events import Event
from owa.queues.contract import Waiting

Handle = Callable[[Connection, Sequence[Event], ProcessingContext], Handled]


@dataclass(frozen=True, slots=True)
class Problem:
    """An event whose handler raised."""

    event: Event
    error: str
    trace: str


@dataclass(slots=True)
class Stored:
    """What the handlers did with a batch."""

    done: list[Event] = field(default_factory=list)
    """Finished, for the first time."""
    duplicates: list[Event] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    coerced: list[tuple[Event, str]] = field(default_factory=list)

    def finished(self) -> Iterator[Event]:
        """Those for which nothing is left to do."""
        yield from self.done
        yield from self.duplicates


class Act(Enum):
    """What a handler is asked to do: the names of its methods."""

    HANDLE = "handle"
    RESUME = "resume"
    ADOPT = "adopt"


class HandlerTable:
    """The handlers, by event type."""

    def __init__(self, handlers: Sequence[EventHandler]) -> None:
        self.use(handlers)

    def use(self, handlers: Sequence[EventHandler]) -> None:
        """From the next batch on. Of two handlers for a type, the later one takes it."""
        self._handlers = {kind: handler for handler in handlers for kind in handler.event_types}
        self.all = tuple(handlers)

    def count_facts(self, connection: Connection) -> Counter[tuple[int, str]]:
        """How many facts all handlers have stored, by server and site."""
        total: Counter[tuple[int, str]] = Counter()
        for handler in self.all:
            total += handler.count_facts(connection)
        return total

    def event_types(self) -> Collection[str]:
        """Those that somebody handles. Asked at each request."""
        return self._handlers.keys()

    def store(self, connection: Connection, events: Sequence[Event], context: ProcessingContext, act: Act) -> Stored:
        """Hand the events to their handlers."""
        stored = Stored()
        groups: dict[EventHandler | None, list[Event]] = {}
        for event in events:
            groups.setdefault(self._handlers.get(event.event_type), []).append(event)
        for handler, group in groups.items():
            if handler is None:
                stored.problems += [_unhandled(event) for event in group]
            else:
                _bisect(connection, getattr(handler, act.value), group, context, stored)
        return stored


def _bisect(
    connection: Connection, handle: Handle, events: Sequence[Event], context: ProcessingContext, stored: Stored
) -> None:
    try:
        with connection.begin_nested():
            handled = handle(connection, events, context)
    except Outage:
        raise
    except Exception as error:
        if is_outage(error):
            raise  # the database's fault, not an event's
        if len(events) == 1:
            stored.problems.append(_problem(events[0], error))
            return
    else:
        _take_in(stored, events, handled)
        return
    # outside of the except: what the halves raise is no consequence of what the whole raised
    middle = len(events) // 2
    _bisect(connection, handle, events[:middle], context, stored)
    _bisect(connection, handle, events[middle:], context, stored)


def _problem(event: Event, error: Exception) -> Problem:
    return Problem(event, *told(error))


def _take_in(stored: Stored, events: Sequence[Event], handled: Handled) -> None:
    # the very same object may be there twice: once new, once a duplicate
    unfinished = Counter(id(event) for event in (*handled.duplicates, *(item.event for item in handled.waiting)))
    for event in events:
        if unfinished[id(event)]:
            unfinished[id(event)] -= 1
        else:
            stored.done.append(event)
    stored.duplicates += handled.duplicates
    stored.waiting += handled.waiting
    stored.opened += handled.opened
    stored.coerced += handled.coerced


def _unhandled(event: Event) -> Problem:
    error = f"No module handles events of type {event.event_type}. Switch on the one that does, then retry."
    return Problem(event, error[:1000], "")
