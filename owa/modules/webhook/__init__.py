"""Posts events to a program of the admin's choice, as they are processed."""

from typing import Any

from owa.module_api import (
    VERSION,
    Event,
    EventHandler,
    HandlerContext,
    Module,
    ModuleContext,
    ModuleTest,
    Setting,
    Statement,
    hookimpl,
)
from owa.modules.webhook.message import post, test_message
from owa.modules.webhook.settings import EVENT_TYPES, SETTINGS, URL


@hookimpl
def owa_module() -> Module:
    return Module(
        name="webhook",
        title="Webhook",
        version=VERSION,
        author="OWA",
        group="Events",
        description="Posts events, signed, to an address of your choice, for programs of your own.",
    )


@hookimpl
def owa_settings() -> list[Setting[Any]]:
    return SETTINGS


@hookimpl
def owa_event_handlers() -> list[EventHandler]:
    return [EventHandler("post", EVENT_TYPES, post_event)]


def post_event(event: Event, context: HandlerContext) -> list[Statement]:
    """Post it; there is nothing to store. Raises as `post` does: while the receiver is away all events wait, and one
    that it refuses is tried again."""
    post(event, context.settings)
    return []


@hookimpl
def owa_tests() -> list[ModuleTest]:
    return [ModuleTest("Send a test message", send_test)]


def send_test(context: ModuleContext) -> str:
    """Post a message of the type `webhook.test`. Raises as `post` does."""
    status = post(test_message(context.clock.now()), context.settings)
    return f"{context.settings[URL]} has taken the message: it answers {status}."
