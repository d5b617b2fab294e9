"""The page on forwarding: how it goes, what waits, and the switch to the mode that it needs."""

from collections.abc import Mapping

from owa.module_api import (
    QUEUE_EVENTS,
    AdminPage,
    Capability,
    PageContent,
    PageContext,
    UsageError,
    store_settings,
)
from owa.modules.remote_queue.health import read_health
from owa.modules.remote_queue.queue import FOLDER, open_remote_queue
from owa.modules.remote_queue.settings import ENDPOINT, FORMAT, PLAIN


def show(context: PageContext) -> PageContent:
    queue = open_remote_queue(context)
    try:
        status = queue.status()
    finally:
        queue.close()
    now = context.clock.now()
    return PageContent(
        "forwarding.jinja2",
        {
            "endpoint": context.settings[ENDPOINT],
            "is_plain": context.settings[FORMAT] == PLAIN,
            "is_asynchronous": context.settings[QUEUE_EVENTS],
            "health": read_health(context.folder / FOLDER),
            "depth": status.depth,
            "age": now - status.oldest_at if status.oldest_at else None,
            "now": now,
        },
    )


def act(context: PageContext, fields: Mapping[str, str]) -> str:
    """Switch to asynchronous mode. Raises `UsageError`."""
    if fields.get("act") != "queue-events":
        raise UsageError("There is nothing of that name to do here.")
    with context.database.writing() as connection:
        store_settings(connection, {QUEUE_EVENTS.name: "true"})
        before = {QUEUE_EVENTS.name: str(context.settings[QUEUE_EVENTS]).lower()}
        context.note(connection, "change settings", "Remote Queue", before, {QUEUE_EVENTS.name: "true"})
    return "Asynchronous mode is on, unless the environment or the ini file says otherwise. Events are forwarded now."


PAGE = AdminPage("forwarding", "Remote Queue", Capability.EDIT_MODULES, show, act)
