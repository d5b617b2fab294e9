"""A core whose handler of page views fails for those that carry `poison`, after their rows were written."""

from collections.abc import Sequence

from sqlalchemy import Connection

from owa.analytics.facts import Facts
from owa.analytics.families import FAMILIES
from owa.analytics.hooks import owa_module, owa_settings
from owa.analytics.orders import Orders
from owa.analytics.page_views import PageViews
from owa.contributions import FactHandler, Handled, ProcessingContext
from owa.events import Event
from owa.hookspecs import hookimpl

__all__ = ["owa_fact_handlers", "owa_module", "owa_settings"]


class PoisonedPageViews(PageViews):
    """Takes the place of the core's handler, and does what that does."""

    def handle(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        handled = super().handle(connection, events, context)
        _taste(events, "handle")
        return handled

    def resume(self, connection: Connection, events: Sequence[Event], context: ProcessingContext) -> Handled:
        handled = super().resume(connection, events, context)
        _taste(events, "resume")
        return handled


def _taste(events: Sequence[Event], step: str) -> None:
    for event in events:
        if event.properties.get("poison") == step:
            raise ValueError(f"{event.guid} is poisoned")


@hookimpl
def owa_fact_handlers() -> list[FactHandler]:
    return [PoisonedPageViews(), Orders(), *map(Facts, FAMILIES)]
