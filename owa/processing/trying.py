"""What would come of a failed event if it were processed now: found out in a transaction that is rolled back."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from owa.contributions import FactHandler, ProcessingContext, locate_nothing
from owa.db.engine import Database
from owa.db.limits import TooLong
from owa.db.rehearsing import rehearse
from owa.db.row_changes import RowChange
from owa.errors import DatabaseUnavailable, RecordError
from owa.events import Event, loads
from owa.processing.store import Act, HandlerTable, Problem, Stored
from owa.queues.contract import Failed, Remaining


@dataclass(slots=True)
class Tried:
    """What was found out."""

    cannot: str = ""
    """Why it was not tried; empty: it was."""
    problem: Problem | None = None
    """What failed."""
    handler: str = ""
    """Who has failed, or has not."""
    outcome: str = ""
    """What would become of the event."""
    deliveries: list[str] = field(default_factory=list)
    """To whom it would be delivered: `MODULE:NAME`."""
    changes: list[RowChange] = field(default_factory=list)
    has_more: bool = False
    """Whether more rows would be changed."""


class Trials:
    """Of what the core does. Changes nothing: no row, no count, no queue."""

    def __init__(self, database: Database, handlers: HandlerTable, context: Callable[[], ProcessingContext]) -> None:
        self._database = database
        self._handlers = handlers
        self._context = context

    def run(self, failed: Failed) -> Tried:
        """Try it. Only fact handlers that say `may_be_tried` are."""
        try:
            event = loads(failed.payload)
        except RecordError as error:
            return Tried(cannot=f"It cannot be read as an event. {error}")
        if reason := self._why_not(failed, event):
            return Tried(cannot=reason)
        act = Act.RESUME if failed.remaining is Remaining.SESSION else Act.HANDLE
        try:
            return self._try(event, act)
        except DatabaseUnavailable as error:
            return Tried(cannot=f"The database is busy or away; try again in a moment. {error}")

    def _why_not(self, failed: Failed, event: Event) -> str:
        if failed.remaining is Remaining.QUEUE:
            return "It was forwarded and refused by another server: what that would say now, only a retry tells."
        handler = self._handlers.handler_of(event.event_type)
        if handler is not None and not getattr(handler, "may_be_tried", False):
            return f"{_name(handler)}, which makes facts of it, does not say that it may be tried."
        return ""

    def _try(self, event: Event, act: Act) -> Tried:
        handler = self._handlers.handler_of(event.event_type)
        tried = Tried(handler=_name(handler) if handler else "")
        # modules that know where addresses are would be counted as asked
        context = replace(self._context(), locate=locate_nothing)
        try:
            found = rehearse(self._database, lambda connection: self._handlers.store(connection, [event], context, act))
        except TooLong as error:
            return Tried(cannot=f"It was left off, since others wait to write: {error}.")
        _tell(tried, found.result)
        tried.changes, tried.has_more = found.changes, found.has_more
        return tried


def _name(handler: FactHandler) -> str:
    return str(getattr(handler, "name", type(handler).__name__))


def _tell(tried: Tried, stored: Stored) -> None:
    tried.problem = next(iter(stored.problems), None)
    tried.deliveries = sorted({delivery.handler for delivery in stored.deliveries})
    if tried.problem:
        tried.outcome = "It would fail again."
    elif stored.waiting:
        tried.outcome = f"It would wait for {stored.waiting[0].key}."
    elif stored.duplicates:
        tried.outcome = "It would be a duplicate: it is stored already."
    else:
        tried.outcome = "It would be processed."
