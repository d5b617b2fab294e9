"""`cmd=flush-processed-events`."""

from owa.module_api import MICROSECONDS, UNDO_DISCARD_DAYS, Arguments, Command, ModuleContext, Output
from owa.modules.database_queue.queue import DatabaseQueue


def flush(context: ModuleContext, _arguments: Arguments, output: Output) -> int:
    now = context.clock.now()
    kept = context.settings[UNDO_DISCARD_DAYS] * 86_400 * MICROSECONDS
    with context.database.writing() as connection:
        flushed = DatabaseQueue().flush(connection, now + 1, now + 1 - kept)
    output.say(f"{flushed} finished events were deleted from the processing queue.")
    output.document({"flushed": flushed})
    return 0


FLUSH_PROCESSED_EVENTS = Command(
    "flush-processed-events",
    "Delete finished events from the processing queue's table, discarded ones when that cannot be undone any more.",
    flush,
)
