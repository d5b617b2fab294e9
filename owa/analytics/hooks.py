"""The core's own contributions, through the same door as a module's."""

from typing import Any

from owa.analytics.page_views import PageViews
from owa.analytics.settings import SETTINGS
from owa.contributions import EventHandler
from owa.hookspecs import hookimpl
from owa.settings import Setting


@hookimpl
def owa_settings() -> list[Setting[Any]]:
    return list(SETTINGS)


@hookimpl
def owa_event_handlers() -> list[EventHandler]:
    return [PageViews()]
