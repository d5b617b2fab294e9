"""What would come of a delivery if it were made now: found out by the event handler itself, in a child process."""

import time
from typing import TYPE_CHECKING

from owa.contributions import PROCESSING, EventHandler
from owa.db.row_changes import RowChange
from owa.delivery import protocol
from owa.delivery.conversation import LOOK, Spoiled, printed
from owa.delivery.process import ChildProcess, Ended
from owa.delivery.settings import HANDLER_TIMEOUT
from owa.delivery.starting import start_child
from owa.errors import Outage, RecordError
from owa.events import Event, loads
from owa.processing.store import Problem
from owa.processing.trying import Tried
from owa.queues.contract import Failed, Item

if TYPE_CHECKING:
    from owa.app import Installation

LONGEST = 20.0
"""Seconds that an admin is kept waiting, whatever the handlers may take."""


class DeliveryTrials:
    """As `owa.processing.trying.Trials`, of what event handlers do. Only those that say `may_be_tried` are run."""

    def __init__(self, installation: "Installation") -> None:
        self._installation = installation

    def run(self, failed: Failed) -> Tried:
        try:
            event = loads(failed.payload)
        except RecordError as error:
            return Tried(cannot=f"It cannot be read as an event. {error}")
        if reason := self._why_not(failed.handler):
            return Tried(cannot=reason)
        item = Item(event, failed.remaining, failed.attempts, failed.inserted_at, failed.failing_since, failed.handler)
        try:
            return self._try(item)
        except Outage as outage:
            return Tried(cannot=str(outage))
        except Spoiled as problem:
            return _failed(event, failed.handler, str(problem), problem.trace)

    def _why_not(self, name: str) -> str:
        module = name.partition(":")[0]
        loaded = self._installation.registry.modules.get(module)
        handler: EventHandler | None = dict(self._installation.registry.event_handlers).get(name)
        if loaded is None or not loaded.works or handler is None:
            return f"There is no event handler {name} now: {module} is off, does not work, or has it no more."
        if not handler.may_be_tried:
            return (
                f"{name} does not say that it may be tried: what it does elsewhere, such as a request to another "
                "server, could not be taken back."
            )
        return ""

    def _try(self, item: Item) -> Tried:
        opened = self._installation
        module = item.handler.partition(":")[0]
        child = start_child(module, opened.configuration, opened.contexts.queue(PROCESSING), lambda: False)
        try:
            told = self._ask(child, item)
        except Ended as error:
            return _failed(item.event, item.handler, str(error), printed(child))
        finally:
            child.kill()
        if told.cannot or told.error:
            return Tried(told.cannot) if told.cannot else _failed(item.event, item.handler, told.error, told.trace)
        changes = [RowChange(**change) for change in told.changes]
        return Tried(handler=item.handler, outcome="It would be delivered.", changes=changes, has_more=told.has_more)

    def _ask(self, child: ChildProcess, item: Item) -> protocol.Tried:
        seconds = min(LONGEST, self._installation.configuration.current().settings[HANDLER_TIMEOUT])
        child.send(protocol.Try(protocol.packed([item])[0]))
        until = time.monotonic() + seconds
        while (message := child.receive(LOOK)) is None:
            if time.monotonic() > until:
                child.dump()
                child.kill()
                raise Ended(f"it did not end within {seconds:g} s")
        if not isinstance(message, protocol.Tried):
            raise Ended(f"it said {type(message).__name__} out of turn")
        return message


def _failed(event: Event, handler: str, error: str, trace: str) -> Tried:
    return Tried(handler=handler, outcome="It would fail again.", problem=Problem(event, error, trace))
