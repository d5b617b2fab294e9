"""The file queue: events are appended to a local file, and drained from it. OWA's default."""

from owa.module_api import (
    INCOMING,
    VERSION,
    AdminPage,
    Command,
    HealthCheck,
    Module,
    QueueBinding,
    QueueType,
    ScheduledJob,
    hookimpl,
)
from owa.modules.file_queue.archive import PRUNE, PRUNE_NOW
from owa.modules.file_queue.copied import open_copied_file
from owa.modules.file_queue.health import CHECKS
from owa.modules.file_queue.quarantine import PAGE
from owa.modules.file_queue.queue import open_file_queue


@hookimpl
def owa_module() -> Module:
    return Module(
        name="file_queue",
        title="File queue",
        version=VERSION,
        author="OWA",
        group="Queues",
        description="Keeps incoming events in files of this server's disk until they are processed. Needs no service.",
        is_on=True,
    )


@hookimpl
def owa_queue_types() -> list[QueueType]:
    return [QueueType("file", open_file_queue, open_copied_file)]


@hookimpl
def owa_queue_bindings() -> list[QueueBinding]:
    return [QueueBinding(INCOMING, "file")]


@hookimpl
def owa_admin_pages() -> list[AdminPage]:
    return [PAGE]


@hookimpl
def owa_jobs() -> list[ScheduledJob]:
    return [PRUNE]


@hookimpl
def owa_commands() -> list[Command]:
    return [PRUNE_NOW]


@hookimpl
def owa_health_checks() -> list[HealthCheck]:
    return CHECKS
