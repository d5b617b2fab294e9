"""The processing queue: events that wait for their session or are tried again, kept in the database."""

from typing import TYPE_CHECKING

from owa.module_api import PROCESSING, VERSION, Module, QueueBinding, RetryQueueType, hookimpl
from owa.modules.database_queue.queue import open_database_queue

if TYPE_CHECKING:
    from owa.module_api import Command


@hookimpl
def owa_module() -> Module:
    return Module(
        name="database_queue",
        title="Processing queue",
        version=VERSION,
        author="OWA",
        group="Queues",
        description="Keeps events that wait for their session, or that are tried again, in the database.",
        is_on=True,
    )


@hookimpl
def owa_retry_queue_types() -> list[RetryQueueType]:
    return [RetryQueueType("database", open_database_queue)]


@hookimpl
def owa_queue_bindings() -> list[QueueBinding]:
    return [QueueBinding(PROCESSING, "database")]


@hookimpl
def owa_commands() -> "list[Command]":
    from owa.modules.database_queue.flush import FLUSH_PROCESSED_EVENTS

    return [FLUSH_PROCESSED_EVENTS]
