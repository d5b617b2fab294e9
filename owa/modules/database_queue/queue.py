"""The retry queue on `owa_queue_item`. Every call works inside the caller's transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, update

from owa.module_api import Delivery, Event, Failure, Key, QueueContext, fingerprint
from owa.modules.database_queue.attempts import Attempts, forget_attempts, note_attempts
from owa.modules.database_queue.failed import FailedEvents
from owa.modules.database_queue.figures import Figures
from owa.modules.database_queue.glance import Glance
from owa.modules.database_queue.groups import FailedGroups
from owa.modules.database_queue.inserts import KEEP, enqueue
from owa.modules.database_queue.leases import LeasedEvents
from owa.modules.database_queue.looks import Looks
from owa.modules.database_queue.rows import BROKEN, HANDLED, UNHANDLED, finished, new_row, of_keys
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.modules.database_queue.waiting import WaitingEvents


class DatabaseQueue(WaitingEvents, LeasedEvents, FailedEvents, Attempts, FailedGroups, Figures, Glance, Looks):
    """Keeps events one by one: a row for the core, and one for each event handler that it is to be given to."""

    def keep(self, connection: Connection, failures: Iterable[Failure], now: int) -> None:
        kept = list(failures)
        KEEP.run(connection, [_failing(failure, now) for failure in kept])
        note_attempts(connection, kept, now)

    def enqueue(self, connection: Connection, deliveries: Iterable[Delivery], now: int) -> set[Key]:
        rows = [
            {
                **new_row(delivery.event, now, delivery.handler),
                "not_before_timestamp": now,
                "remaining": delivery.remaining.value,
            }
            for delivery in deliveries
        ]
        return enqueue(connection, rows)

    def done(
        self,
        connection: Connection,
        events: Iterable[Event],
        now: int,
        *,
        handler: str = "",
        duration: int | None = None,
    ) -> None:
        values = {
            "last_attempt_timestamp": now,
            "handled_by": QUEUE_ITEM.c.owner,
            "handler_duration": duration,
            **finished(now),
        }
        for mine in of_keys((event.guid, handler) for event in events):
            connection.execute(update(QUEUE_ITEM).where(mine).values(values))

    def flush(self, connection: Connection, before: int, discarded_before: int | None = None) -> int:
        table = QUEUE_ITEM.c
        old = and_(table.discarded_at.is_(None), table.handled_timestamp < before)
        if discarded_before is not None:
            old = or_(old, table.discarded_at < discarded_before)
        forget_attempts(connection, and_(table.status == HANDLED, old))
        return connection.execute(delete(QUEUE_ITEM).where(table.status == HANDLED, old)).rowcount


def open_database_queue(_context: QueueContext) -> DatabaseQueue:
    """The queue in the installation's database."""
    return DatabaseQueue()


def _failing(failure: Failure, now: int) -> dict[str, Any]:
    return {
        **new_row(failure.event, now, failure.handler),
        "status": UNHANDLED if failure.retry_at is not None else BROKEN,
        "not_before_timestamp": failure.retry_at,
        "last_attempt_timestamp": now,
        "failed_attempt_count": failure.attempts,
        "failing_since": failure.failing_since,
        "last_error_msg": failure.error,
        "last_error_trace": failure.trace,
        "fingerprint": fingerprint(failure.error),
        "remaining": failure.remaining.value,
        "handler_duration": failure.duration,
    }
