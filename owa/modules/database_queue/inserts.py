"""The statements that write many rows at once."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from owa.module_api import BulkStatement, Key, bound, chunks, dialect_insert
from owa.modules.database_queue.rows import COLUMNS, NO_LEASE
from owa.modules.database_queue.table import QUEUE_ITEM

KEY = ("id", "handler")


def _insert_or_change(changed: set[str]) -> BulkStatement:
    """Insert a row, or change these columns of the one that is there. Who has leased that has made the attempt."""

    def build(insert: Any) -> Any:
        statement = bound(insert(QUEUE_ITEM), COLUMNS)
        values = {name: statement.excluded[name] for name in sorted(changed)}
        if "handled_by" in changed:
            values["handled_by"] = QUEUE_ITEM.c.owner
        return statement.on_conflict_do_update(index_elements=KEY, set_=values)

    return BulkStatement(build)


KEEP = _insert_or_change(set(COLUMNS) - {*KEY, "insertion_timestamp"})
WAIT = _insert_or_change(
    {"status", "not_before_timestamp", "waits_for", "waiting_since", "remaining", "discarded_at", *NO_LEASE},
)
"""Waiting is no attempt: what is known of failed ones stays."""


def enqueue(connection: Connection, rows: Iterable[dict[str, Any]]) -> set[Key]:
    """Insert rows, leaving those alone whose key is there; returns the keys of the new ones. They go in by the order of
    their keys: two that insert the same ones must not wait for each other in a circle."""
    new: set[Key] = set()
    statement = dialect_insert(connection.dialect.name)(QUEUE_ITEM).on_conflict_do_nothing()
    statement = statement.returning(QUEUE_ITEM.c.id, QUEUE_ITEM.c.handler)
    for part in chunks(sorted(rows, key=lambda row: (row["id"], row["handler"]))):
        new.update((guid, handler) for guid, handler in connection.execute(statement, part))
    return new
