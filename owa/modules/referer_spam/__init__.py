"""Refuses visits that come from given domains: they are made up to be seen in reports."""

from typing import Any

from owa.module_api import VERSION, EventFilter, Module, Setting, hookimpl
from owa.modules.referer_spam.filter import DOMAINS, refuse_spam


@hookimpl
def owa_module() -> Module:
    return Module(
        name="referer_spam",
        title="Referer spam",
        version=VERSION,
        author="OWA",
        group="Tracking",
        description="Refuses visits whose referer is one of the well-known domains that send made-up visits to be seen "
        "in reports.",
    )


@hookimpl
def owa_settings() -> list[Setting[Any]]:
    return [DOMAINS]


@hookimpl
def owa_event_filters() -> list[EventFilter]:
    return [EventFilter("referers", refuse_spam)]
