"""Remote Queue: this server collects, another one processes."""

from typing import Any

from owa.module_api import (
    INCOMING,
    VERSION,
    AdminPage,
    HealthCheck,
    Module,
    ModuleTest,
    QueueBinding,
    QueueType,
    Setting,
    hookimpl,
)
from owa.modules.remote_queue.checks import CHECKS, TEST
from owa.modules.remote_queue.page import PAGE
from owa.modules.remote_queue.queue import open_remote_queue
from owa.modules.remote_queue.settings import SETTINGS


@hookimpl
def owa_module() -> Module:
    return Module(
        name="remote_queue",
        title="Remote Queue",
        version=VERSION,
        author="OWA",
        group="Queues",
        description="Sends events to another OWA, which processes them. Until that one has answered for them, they "
        "wait on this server's disk. Needs asynchronous mode.",
    )


@hookimpl
def owa_settings() -> list[Setting[Any]]:
    return list(SETTINGS)


@hookimpl
def owa_queue_types() -> list[QueueType]:
    return [QueueType("http", open_remote_queue)]


@hookimpl
def owa_queue_bindings() -> list[QueueBinding]:
    return [QueueBinding(INCOMING, "http", override=True)]


@hookimpl
def owa_admin_pages() -> list[AdminPage]:
    return [PAGE]


@hookimpl
def owa_health_checks() -> list[HealthCheck]:
    return CHECKS


@hookimpl
def owa_tests() -> list[ModuleTest]:
    return [TEST]
