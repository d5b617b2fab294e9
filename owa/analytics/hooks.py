"""The core's own contributions, through the same door as a module's."""

from functools import partial
from typing import Any

from owa.analytics.late import LateHandler, facts, orders, page_views
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
    return [
        LateHandler("base.page_request", page_views),
        LateHandler("ecommerce.transaction", orders),
        *(LateHandler(kind, partial(facts, kind)) for kind in ("track.action", "dom.click", "base.feed_request")),
    ]
