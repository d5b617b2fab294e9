"""Counts the baskets of a shop, and keeps its events in one SQLite file."""

from typing import Any

from owa.module_api import (
    INCOMING,
    EventHandler,
    HealthCheck,
    Module,
    QueueBinding,
    QueueType,
    Setting,
    hookimpl,
)
from shop_events.baskets import count_basket
from shop_events.health import check_baskets
from shop_events.settings import SETTINGS
from shop_events.spool import open_spool


@hookimpl
def owa_module() -> Module:
    return Module(
        name="shop_events",
        title="Shop events",
        version="1.0",
        author="The shop",
        group="Events",
        description="Counts the baskets of a shop by day, and keeps its events in one SQLite file.",
        needs_owa="0.1",
        migrations="migrations",
    )


@hookimpl
def owa_settings() -> list[Setting[Any]]:
    return SETTINGS


@hookimpl
def owa_event_handlers() -> list[EventHandler]:
    return [EventHandler("baskets", frozenset({"shop.basket"}), count_basket, may_be_tried=True)]


@hookimpl
def owa_queue_types() -> list[QueueType]:
    return [QueueType("shop_spool", open_spool)]


@hookimpl
def owa_queue_bindings() -> list[QueueBinding]:
    return [QueueBinding(INCOMING, "shop_spool", override=True)]


@hookimpl
def owa_health_checks() -> list[HealthCheck]:
    return [HealthCheck("baskets come", check_baskets)]
