"""`cmd=flush-processed-events`."""

from owa.module_api import Arguments, Command, ModuleContext, Output
from owa.modules.database_queue.queue import DatabaseQueue


def flush(context: ModuleContext, _arguments: Arguments, output: Output) -> int:
    with context.database.writing() as connection:
        flushed = DatabaseQueue().flush(connection, context.clock.now() + 1)
    output.say(f"{flushed} finished events were deleted from the processing queue.")
    output.document({"flushed": flushed})
    return 0


FLUSH_PROCESSED_EVENTS = Command(
    "flush-processed-events", "Delete finished events from the processing queue's table.", flush
)
