"""Events that wait for a key."""

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import Connection, select, update

from owa.module_api import Claim, Event, RecordError, Remaining, Waiting, chunks, fingerprint, loads
from owa.modules.database_queue.claims import CLAIMED, claim
from owa.modules.database_queue.inserts import WAIT
from owa.modules.database_queue.rows import BROKEN, UNHANDLED, new_row
from owa.modules.database_queue.table import QUEUE_ITEM


class WaitingEvents:
    """Waiting is the core's alone: event handlers are given what is finished."""

    def wait(self, connection: Connection, waiting: Iterable[Waiting], now: int) -> None:
        WAIT.run(
            connection,
            [
                {
                    **new_row(item.event, now),
                    "waits_for": item.key,
                    "waiting_since": now,
                    "remaining": Remaining.SESSION.value,
                }
                for item in waiting
            ],
        )

    def wake(self, connection: Connection, keys: Iterable[str], now: int) -> int:
        woken = 0
        for part in chunks(keys):
            statement = update(QUEUE_ITEM).where(QUEUE_ITEM.c.waits_for.in_(part))
            woken += connection.execute(
                statement.values(status=UNHANDLED, waits_for=None, not_before_timestamp=now)
            ).rowcount
        return woken

    def waited_for(self, connection: Connection, limit: int, after: str = "") -> list[str]:
        key = QUEUE_ITEM.c.waits_for
        statement = select(key).where(key > after).distinct().order_by(key)
        return list(connection.execute(statement.limit(limit)).scalars())

    def overdue(self, connection: Connection, before: int, limit: int) -> list[str]:
        table = QUEUE_ITEM.c
        waiting = table.status == UNHANDLED, table.waits_for.is_not(None), table.waiting_since <= before
        longest = select(table.waits_for).where(*waiting).order_by(table.waiting_since).limit(limit)
        return list(dict.fromkeys(connection.execute(longest).scalars()))

    def claim_waiting(self, connection: Connection, key: str, limit: int, now: int) -> Claim:
        waiting = QUEUE_ITEM.c.waits_for == key, QUEUE_ITEM.c.status == UNHANDLED
        statement = select(*CLAIMED).where(*waiting).order_by(QUEUE_ITEM.c.id).limit(limit)
        return claim(connection, statement.with_for_update(skip_locked=True), now)

    def give_up_waiting(self, connection: Connection, keys: Iterable[str], error: str, now: int) -> list[Event]:
        events = []
        for part in chunks(keys):
            waiting = QUEUE_ITEM.c.waits_for.in_(part), QUEUE_ITEM.c.status == UNHANDLED
            for text in connection.execute(select(QUEUE_ITEM.c.event).where(*waiting)).scalars():
                with suppress(RecordError):
                    events.append(loads(text))
            values = {
                "status": BROKEN,
                "last_error_msg": error,
                "fingerprint": fingerprint(error),
                "last_attempt_timestamp": now,
            }
            connection.execute(update(QUEUE_ITEM).where(*waiting).values(values))
        return events

    def move_waiting(self, connection: Connection, by: int) -> None:
        waiting = QUEUE_ITEM.c.waits_for.is_not(None)
        connection.execute(update(QUEUE_ITEM).where(waiting).values(waiting_since=QUEUE_ITEM.c.waiting_since + by))
