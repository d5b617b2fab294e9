"""Runs the handlers over a batch, inside one transaction. A poisoned event costs only itself: the batch is tried again
in halves, each in a savepoint, until the culprit stands alone."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from sqlalchemy import Connection

from owa.clock import MICROSECONDS
from owa.contributions import FactHandler, FollowUp, Handled, ProcessingContext
from owa.db.outages import is_outage
from owa.errors import Outage, told
from owa.events import Event
from owa.queues.contract import Delivery, Remaining, Waiting

Handle = Callable[[Connection, Sequence[Event], ProcessingContext], Handled]

Subscribers = Mapping[str, tuple[str, ...]]
"""By event type, the event handlers that are given it, as `MODULE:NAME`."""

FOLLOW_UPS = frozenset(kind.value for kind in FollowUp)

NOBODY: Subscribers = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Problem:
    """An event whose handler raised."""

    event: Event
    error: str
    trace: str
    duration: int | None = None
    """How long its handler took, in microseconds, if that is known."""


@dataclass(slots=True)
class Stored:
    """What the handlers did with a batch."""

    done: list[Event] = field(default_factory=list)
    """Finished, for the first time."""
    handed_on: list[Event] = field(default_factory=list)
    """Only event handlers want them: there is nothing for the core to do. Some may have been handed on before."""
    duplicates: list[Event] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    coerced: list[tuple[Event, str]] = field(default_factory=list)
    follow_ups: list[Event] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    """Of `done`, `handed_on` and `follow_ups`, to whoever subscribes to them."""

    def finished(self) -> Iterator[Event]:
        """Those for which nothing is left to do."""
        yield from self.done
        yield from self.handed_on
        yield from self.duplicates


class Act(Enum):
    """What a handler is asked to do: the names of its methods."""

    HANDLE = "handle"
    RESUME = "resume"
    ADOPT = "adopt"


class HandlerTable:
    """Who handles which event types: one fact handler each, and any number of event handlers."""

    def __init__(self, handlers: Sequence[FactHandler], subscribers: Subscribers = NOBODY) -> None:
        self.use(handlers, subscribers)

    def use(self, handlers: Sequence[FactHandler], subscribers: Subscribers = NOBODY) -> None:
        """From the next batch on."""
        self._handlers = {kind: handler for handler in handlers for kind in handler.event_types}
        self._subscribers = subscribers
        self._event_types = self._handlers.keys() | (subscribers.keys() - FOLLOW_UPS)
        self.all = tuple(handlers)

    def event_types(self) -> Collection[str]:
        """Those that somebody handles. Asked at each request."""
        return self._event_types

    def handler_of(self, event_type: str) -> FactHandler | None:
        """Who makes facts of events of that type, if there is one."""
        return self._handlers.get(event_type)

    def store(self, connection: Connection, events: Sequence[Event], context: ProcessingContext, act: Act) -> Stored:
        """Hand the events to their fact handlers, and say what is to be delivered to event handlers."""
        stored, subscribers = Stored(), self._subscribers
        context = replace(context, wanted=subscribers.keys())
        groups: dict[FactHandler | None, list[Event]] = {}
        for event in events:
            groups.setdefault(self._handlers.get(event.event_type), []).append(event)
        for handler, group in groups.items():
            if handler is not None:
                _bisect(connection, getattr(handler, act.value), group, context, stored)
                continue
            wanted = subscribers.keys() - FOLLOW_UPS if act is Act.HANDLE else ()
            stored.handed_on += [event for event in group if event.event_type in wanted]
            stored.problems += [_unhandled(event) for event in group if event.event_type not in wanted]
        if subscribers:
            stored.deliveries = [
                Delivery(event, handler, _remaining(event))
                for event in (*stored.done, *stored.handed_on, *stored.follow_ups)
                for handler in subscribers.get(event.event_type, ())
            ]
        return stored


def _bisect(
    connection: Connection, handle: Handle, events: Sequence[Event], context: ProcessingContext, stored: Stored
) -> None:
    since = time.perf_counter()
    try:
        with connection.begin_nested():
            handled = handle(connection, events, context)
    except Outage:
        raise
    except Exception as error:
        if is_outage(error):
            raise  # the database's fault, not an event's
        if len(events) == 1:
            duration = round((time.perf_counter() - since) * MICROSECONDS)
            stored.problems.append(Problem(events[0], *told(error), duration))
            return
    else:
        _take_in(stored, events, handled)
        return
    # outside of the except: what the halves raise is no consequence of what the whole raised
    middle = len(events) // 2
    _bisect(connection, handle, events[:middle], context, stored)
    _bisect(connection, handle, events[middle:], context, stored)


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
    stored.follow_ups += handled.follow_ups


def _remaining(event: Event) -> Remaining:
    return Remaining.FOLLOW_UP if event.event_type in FOLLOW_UPS else Remaining.DELIVERY


def _unhandled(event: Event) -> Problem:
    error = f"No module handles events of type {event.event_type}. Switch on the one that does, then retry."
    return Problem(event, error[:1000], "")
