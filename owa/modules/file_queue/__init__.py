"""The file queue: events are appended to a local file, and drained from it. OWA's default."""

from pathlib import Path

from owa.module_api import (
    INCOMING,
    VERSION,
    AdminPage,
    Command,
    CopiedFile,
    FileQueue,
    Module,
    QueueBinding,
    QueueContext,
    QueueType,
    ScheduledJob,
    hookimpl,
    open_copied_file,
    open_files,
)
from owa.modules.file_queue.archive import PRUNE, PRUNE_NOW
from owa.modules.file_queue.quarantine import PAGE


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
    return [QueueType("file", open_file_queue, open_copied)]


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


def open_file_queue(context: QueueContext) -> FileQueue:
    """The queue in the context's folder. Raises `QueueUnavailable`."""
    return open_files(context.folder, context.settings, context.database, context.clock)


def open_copied(context: QueueContext, path: Path) -> CopiedFile:
    """A file that was copied from another server. Raises `UsageError`."""
    return open_copied_file(path, context.folder, context.database, context.clock)
