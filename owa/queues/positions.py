"""How far a segment is processed: kept in the database, and moved in the transaction that stores the effects."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from owa.db.bulk import bound, dialect_insert
from owa.db.engine import Database
from owa.errors import Overtaken
from owa.queues.contract import Quarantined
from owa.queues.tables import QUARANTINE, QUEUE_POSITION


@dataclass(frozen=True, slots=True)
class QuarantinedPart:
    """A part of a segment that is no record, as it was noted."""

    queue_id: str
    segment: str
    position: int
    """Offset of its first byte."""
    length: int
    reason: str
    excerpt: str
    found_at: int
    """Microseconds."""


def quarantined_parts(connection: Connection, limit: int) -> list[QuarantinedPart]:
    """Those of all queues, the latest first."""
    table = QUARANTINE.c
    latest = select(QUARANTINE).order_by(table.found_at.desc(), table.segment, table.position).limit(limit)
    return [QuarantinedPart(**row) for row in connection.execute(latest).mappings()]


def forget_quarantined(connection: Connection, queue_id: str, segment: str) -> int:
    """Delete the notes on a segment whose file is gone; returns how many there were."""
    table = QUARANTINE.c
    return connection.execute(delete(QUARANTINE).where(table.queue_id == queue_id, table.segment == segment)).rowcount


class Positions:
    """The read positions of one queue's segments."""

    def __init__(self, database: Database, queue_id: str) -> None:
        self._database = database
        self._queue_id = queue_id

    def read(self, segment: str) -> int:
        """Bytes of `segment` that are processed; 0 for a new one."""
        with self._database.reading() as connection:
            return self._read(connection, segment) or 0

    def all(self) -> dict[str, int]:
        """The same of each segment of which something is processed, and the rest is not."""
        table = QUEUE_POSITION.c
        with self._database.reading() as connection:
            found = select(table.segment, table.position).where(table.queue_id == self._queue_id)
            return {str(row[0]): int(row[1]) for row in connection.execute(found)}

    def move(self, connection: Connection, segment: str, old: int, new: int) -> None:
        """Move from `old` to `new` in the caller's transaction. Raises `Overtaken` when it is not at `old` any more."""
        table = QUEUE_POSITION
        if old == 0 and self._insert(connection, segment, new):
            return
        moved = connection.execute(
            update(table)
            .where(table.c.queue_id == self._queue_id, table.c.segment == segment, table.c.position == old)
            .values(position=new)
        )
        if moved.rowcount != 1:
            raise Overtaken(f"Another drain has processed {segment} beyond {old}.")

    def forget(self, segment: str) -> None:
        """The segment is processed and gone."""
        table = QUEUE_POSITION
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.queue_id == self._queue_id, table.c.segment == segment))

    def has_quarantined(self, segment: str) -> bool:
        """Whether a part of `segment` was quarantined: then its file must stay."""
        table = QUARANTINE
        with self._database.reading() as connection:
            found = select(func.count()).where(table.c.queue_id == self._queue_id, table.c.segment == segment)
            return bool(connection.execute(found).scalar_one())

    def quarantined(self) -> int:
        """How many parts of this queue's segments are quarantined."""
        with self._database.reading() as connection:
            found = select(func.count()).where(QUARANTINE.c.queue_id == self._queue_id)
            return int(connection.execute(found).scalar_one())

    def quarantine(self, connection: Connection, parts: Iterable[Quarantined], now: int) -> None:
        """Note parts that are no records, in the caller's transaction."""
        rows = [
            {
                "queue_id": self._queue_id,
                "segment": part.segment,
                "position": part.offset,
                "length": part.length,
                "reason": part.reason,
                "excerpt": part.excerpt,
                "found_at": now,
            }
            for part in parts
        ]
        if rows:
            statement = dialect_insert(connection.dialect.name)(QUARANTINE)
            connection.execute(bound(statement, QUARANTINE.columns.keys()).on_conflict_do_nothing(), rows)

    def _read(self, connection: Connection, segment: str) -> int | None:
        table = QUEUE_POSITION
        position = connection.execute(
            select(table.c.position).where(table.c.queue_id == self._queue_id, table.c.segment == segment)
        ).scalar_one_or_none()
        return None if position is None else int(position)

    def _insert(self, connection: Connection, segment: str, position: int) -> bool:
        if self._read(connection, segment) is not None:
            return False
        connection.execute(insert(QUEUE_POSITION).values(queue_id=self._queue_id, segment=segment, position=position))
        return True
