"""The archive of drained files: pruned by a job, and by hand."""

from owa.module_api import ARCHIVE_AGE, Arguments, Command, Folder, ModuleContext, Output, ScheduledJob


def folder_of(context: ModuleContext) -> Folder:
    """The folder of this server's queue. Raises `QueueUnavailable`."""
    return Folder(context.folder, context.clock, durable=False)


def prune(context: ModuleContext) -> dict[str, int]:
    """Delete queue files that have been archived for long enough."""
    return {"archives": folder_of(context).prune(context.settings[ARCHIVE_AGE])}


def prune_now(context: ModuleContext, arguments: Arguments, output: Output) -> int:
    default = context.settings[ARCHIVE_AGE]
    pruned = folder_of(context).prune(arguments.number("interval", default) or 0.0)
    output.say(f"{pruned} archived queue files were deleted.")
    output.document({"pruned": pruned})
    return 0


PRUNE = ScheduledJob("prune", 3_600, prune, about="Deletes drained queue files that were kept for long enough.")
PRUNE_NOW = Command(
    "prune-event-queue-archives",
    "Delete drained queue files from the archive.",
    prune_now,
    {"interval": "only files archived longer than this many seconds ago; default base.archive_age"},
)
