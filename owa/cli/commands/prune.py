"""`cmd=prune-event-queue-archives` and `cmd=flush-processed-events`: deleting what is done with."""

from owa.app import Installation
from owa.cli.arguments import Arguments
from owa.cli.command import DONE, Command
from owa.cli.output import Output
from owa.queues.settings import ARCHIVE_AGE


def prune(installation: Installation, arguments: Arguments, output: Output) -> int:
    default = installation.configuration.current().settings[ARCHIVE_AGE]
    pruned = installation.incoming.prune(arguments.number("interval", default) or 0.0)
    output.say(f"{pruned} archived queue files were deleted.")
    output.document({"pruned": pruned})
    return DONE


def flush(installation: Installation, _arguments: Arguments, output: Output) -> int:
    with installation.database.writing() as connection:
        flushed = installation.retries.flush(connection, installation.clock.now() + 1)
    output.say(f"{flushed} finished events were deleted from the processing queue.")
    output.document({"flushed": flushed})
    return DONE


PRUNE_ARCHIVES = Command(
    "prune-event-queue-archives",
    "Delete drained queue files from the archive.",
    prune,
    {"interval": "only files archived longer than this many seconds ago; default base.archive_age"},
)
FLUSH_PROCESSED_EVENTS = Command(
    "flush-processed-events", "Delete finished events from the processing queue's table.", flush
)
