"""Fact handlers that are made when they are first called: most drains find nothing, and need nothing of theirs."""

from collections.abc import Callable, Sequence
from functools import cached_property

from sqlalchemy import Connection

from owa.contributions import FactFamily, FactHandler, Handled, ProcessingContext
from owa.events import Event


class LateHandler:
    """See `owa.contributions.FactHandler`."""

    may_be_tried = True

    def __init__(self, event_type: str, make: Callable[[], FactHandler]) -> None:
        """`make`: makes the handler that does all."""
        self.event_types = frozenset((event_type,))
        self._make = make

    @property
    def name(self) -> str:
        """Of the one that does all."""
        return type(self._handler).__name__

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        return self._handler.handle(connection, events, context)

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        return self._handler.resume(connection, events, context)

    def adopt(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        return self._handler.adopt(connection, events, context)

    def is_open(self, connection: Connection, keys: Sequence[str]) -> list[str]:
        return self._handler.is_open(connection, keys)

    @cached_property
    def _handler(self) -> FactHandler:
        return self._make()


def page_views() -> FactHandler:
    from owa.analytics.page_views import PageViews

    return PageViews()


def orders() -> FactHandler:
    from owa.analytics.orders import Orders

    return Orders()


def facts(event_type: str) -> FactHandler:
    """Of one of the core's own families."""
    from owa.analytics.facts import Facts
    from owa.analytics.families import FAMILIES

    return Facts(next(family for family in FAMILIES if family.event_type == event_type))


def contributed_facts(family: FactFamily) -> FactHandler:
    """Of a family that a module contributes."""
    from owa.analytics.facts import Facts
    from owa.analytics.families import contributed

    return Facts(contributed(family))
