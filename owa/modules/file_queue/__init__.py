"""The file queue: events are appended to a local file, and drained from it. OWA's default."""

from pathlib import Path
from typing import TYPE_CHECKING

from owa.module_api import (
    INCOMING,
    VERSION,
    CopiedFile,
    FileQueue,
    Module,
    QueueBinding,
    QueueContext,
    QueueType,
    hookimpl,
    open_copied_file,
    open_files,
)

if TYPE_CHECKING:
    from owa.module_api import AdminPage, Command, ScheduledJob


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
def owa_admin_pages() -> "list[AdminPage]":
    from owa.modules.file_queue.quarantine import PAGE

    return [PAGE]


@hookimpl
def owa_jobs() -> "list[ScheduledJob]":
    from owa.modules.file_queue.archive import PRUNE

    return [PRUNE]


@hookimpl
def owa_commands() -> "list[Command]":
    from owa.modules.file_queue.archive import PRUNE_NOW

    return [PRUNE_NOW]


def open_file_queue(context: QueueContext) -> FileQueue:
    """The queue in the context's folder. Raises `QueueUnavailable`."""
    return open_files(context.folder, context.settings, context.database, context.clock)


def open_copied(context: QueueContext, path: Path) -> CopiedFile:
    """A file that was copied from another server. Raises `UsageError`."""
    return open_copied_file(path, context.folder, context.database, context.clock)
