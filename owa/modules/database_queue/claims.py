"""Taking rows off the queue: one that cannot be read is given up, and holds up nobody."""

from typing import Any

from sqlalchemy import Connection, Select, update

from owa.module_api import Claim, Key, RecordError, Unreadable, fingerprint
from owa.modules.database_queue.rows import BROKEN, NO_LEASE, item_of, of_keys
from owa.modules.database_queue.table import QUEUE_ITEM

CLAIMED = tuple(
    QUEUE_ITEM.c[name]
    for name in (
        "id",
        "handler",
        "site_id",
        "server",
        "event",
        "remaining",
        "failed_attempt_count",
        "insertion_timestamp",
        "failing_since",
    )
)
"""The columns that a claim reads."""


def claim(connection: Connection, statement: Select[Any], now: int) -> Claim:
    """The rows that a statement finds."""
    items, unreadable = [], []
    for row in connection.execute(statement).mappings():
        try:
            items.append(item_of(row))
        except (RecordError, ValueError) as error:
            _break(connection, (row["id"], row["handler"]), str(error), now)
            unreadable.append(Unreadable(row["site_id"], row["server"], str(error), row["handler"]))
    return Claim(tuple(items), tuple(unreadable))


def _break(connection: Connection, key: Key, reason: str, now: int) -> None:
    values = {
        "status": BROKEN,
        "last_error_msg": reason,
        "fingerprint": fingerprint(reason),
        "last_attempt_timestamp": now,
        "not_before_timestamp": None,
        "waits_for": None,
        **NO_LEASE,
    }
    for mine in of_keys([key]):
        connection.execute(update(QUEUE_ITEM).where(mine).values(values))
