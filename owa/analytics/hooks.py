"""The core's own contributions, through the same door as a module's."""

from typing import Any

from owa.analytics.facts import Facts
from owa.analytics.families import FAMILIES
from owa.analytics.orders import Orders
from owa.analytics.page_views import PageViews
from owa.analytics.settings import SETTINGS
from owa.contributions import FactHandler, Module
from owa.hookspecs import hookimpl
from owa.settings import Setting
from owa.version import VERSION


@hookimpl
def owa_module() -> Module:
    return Module(
        "core",
        "Core",
        VERSION,
        "OWA",
        "Core",
        "Page views, actions, clicks, orders, feed requests; sessions and visitors.",
        is_on=True,
    )


@hookimpl
def owa_settings() -> list[Setting[Any]]:
    return list(SETTINGS)


@hookimpl
def owa_fact_handlers() -> list[FactHandler]:
    return [PageViews(), Orders(), *map(Facts, FAMILIES)]
