"""Every attempt that has failed: the last ones of each event."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, literal_column, select, tuple_

from owa.module_api import ATTEMPTS_KEPT, LONGEST_TRACE, Attempt, BulkStatement, Failure, Key, bound
from owa.modules.database_queue.table import ATTEMPT, QUEUE_ITEM

TABLE = ATTEMPT.c
_LATEST = (
    select(func.coalesce(func.max(TABLE.number), literal_column("0")))
    .where(TABLE.guid == bindparam("guid"), TABLE.handler == bindparam("handler"))
    .scalar_subquery()
)


def _build(insert: Any) -> Any:
    columns = [column.name for column in ATTEMPT.columns if column.name != "number"]
    return bound(insert(ATTEMPT), columns).values(number=_LATEST + literal_column("1"))


_ADD = BulkStatement(_build)
_TRIM = BulkStatement(
    lambda _insert: delete(ATTEMPT).where(
        TABLE.guid == bindparam("guid"),
        TABLE.handler == bindparam("handler"),
        TABLE.number <= _LATEST - literal_column(str(ATTEMPTS_KEPT)),
    )
)


class Attempts:
    """Numbered anew for each event and handler."""

    def attempts(self, connection: Connection, key: Key) -> list[Attempt]:
        mine = select(ATTEMPT).where(TABLE.guid == key[0], TABLE.handler == key[1]).order_by(TABLE.number.desc())
        columns = ("number", "at", "error", "trace", "process", "duration")
        return [
            Attempt(*(row[name] for name in columns))
            for row in connection.execute(mine.limit(ATTEMPTS_KEPT)).mappings()
        ]


def note_attempts(connection: Connection, failures: Sequence[Failure], now: int) -> None:
    """Note what has failed, and forget what is older than the last `ATTEMPTS_KEPT`."""
    rows = [
        {
            "guid": failure.event.guid,
            "handler": failure.handler,
            "at": now,
            "error": failure.error,
            "trace": _cut(failure.trace),
            "process": failure.process[:255],
            "duration": failure.duration,
        }
        for failure in failures
    ]
    _ADD.run(connection, rows)
    _TRIM.run(connection, [{"guid": row["guid"], "handler": row["handler"]} for row in rows])


def forget_attempts(connection: Connection, of: ColumnElement[bool]) -> None:
    """Delete those of the queue's rows for which that holds."""
    failed = select(QUEUE_ITEM.c.id, QUEUE_ITEM.c.handler).where(of, QUEUE_ITEM.c.fingerprint.is_not(None))
    connection.execute(delete(ATTEMPT).where(tuple_(TABLE.guid, TABLE.handler).in_(failed)))


def _cut(trace: str) -> str:
    half = LONGEST_TRACE // 2
    return trace if len(trace) <= LONGEST_TRACE else f"{trace[:half]}\n…\n{trace[-half:]}"
