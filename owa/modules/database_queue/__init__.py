"""The processing queue: events that wait for their session or are tried again, kept in the database."""

from owa.module_api import PROCESSING, QueueBinding, RetryQueueType, hookimpl
from owa.modules.database_queue.queue import open_database_queue


@hookimpl
def owa_retry_queue_types() -> list[RetryQueueType]:
    return [RetryQueueType("database", open_database_queue)]


@hookimpl
def owa_queue_bindings() -> list[QueueBinding]:
    return [QueueBinding(PROCESSING, "database")]
