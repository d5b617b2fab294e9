"""What is waited for, and what is known of an event: for the eye. None of it reads more than it shows."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, RowMapping, case, exists, func, literal, select, tuple_

from owa.module_api import Awaited, AwaitedPlace, Event, RecordError, Remaining, Trail, loads
from owa.modules.database_queue.glance import count_up_to
from owa.modules.database_queue.rows import HANDLED, UNHANDLED, state_of
from owa.modules.database_queue.table import QUEUE_ITEM


class Looks:
    """See `owa.queues.contract.RetryQueue`."""

    def awaited(
        self, connection: Connection, limit: int, after: AwaitedPlace | None = None, *, most: int = 1_000
    ) -> list[Awaited]:
        table, earlier = QUEUE_ITEM.c, QUEUE_ITEM.alias("earlier")
        place = table.waiting_since, table.waits_for
        began_before = exists().where(
            earlier.c.waits_for == table.waits_for,
            earlier.c.status == UNHANDLED,
            earlier.c.waiting_since < table.waiting_since,
        )
        first = select(*place).where(*_WAITING, ~began_before)
        if after:
            first = first.where(tuple_(*place) > after)
        found = connection.execute(first.distinct().order_by(*place).limit(limit)).all()
        return [_awaited(connection, key, since, most) for since, key in found]

    def awaited_among(self, connection: Connection, keys: Iterable[str], *, most: int = 1_000) -> list[Awaited]:
        found = []
        for key in dict.fromkeys(keys):
            since = select(func.min(QUEUE_ITEM.c.waiting_since)).where(*_of(key))
            began = connection.execute(since).scalar()
            if began is not None:
                found.append(_awaited(connection, key, began, most))
        return found

    def awaited_by(self, connection: Connection, visitor_id: int, among: int) -> list[str]:
        table = QUEUE_ITEM.c
        text = case((table.visitor_id.is_(None), table.event))  # it may be older than the column
        longest = select(table.waits_for, table.visitor_id, text).where(*_WAITING)
        found = set()
        for key, visitor, old in connection.execute(longest.order_by(table.waiting_since).limit(among)):
            event = _event(old) if old is not None else None
            if visitor_id == (event.visitor_id if event else visitor):
                found.add(key)
        return sorted(found)

    def count_waiting(self, connection: Connection, most: int) -> int:
        return count_up_to(connection, select(literal(1)).where(*_WAITING), most)

    def trails(self, connection: Connection, guid: int) -> list[Trail]:
        mine = select(QUEUE_ITEM).where(QUEUE_ITEM.c.id == guid).order_by(QUEUE_ITEM.c.handler)
        return [_trail(row) for row in connection.execute(mine).mappings()]


_WAITING = QUEUE_ITEM.c.status == UNHANDLED, QUEUE_ITEM.c.waits_for.is_not(None)


def _of(key: str) -> tuple[Any, ...]:
    return QUEUE_ITEM.c.waits_for == key, QUEUE_ITEM.c.status == UNHANDLED


def _awaited(connection: Connection, key: str, since: int, most: int) -> Awaited:
    table = QUEUE_ITEM.c
    some = select(literal(1)).where(*_of(key)).limit(most).subquery()
    count = connection.execute(select(func.count()).select_from(some)).scalar_one()
    last = select(table.event).where(*_of(key)).order_by(table.waits_for, table.status, table.waiting_since.desc())
    text = connection.execute(last.limit(1)).scalar()
    first = (
        select(table.insertion_timestamp).where(*_of(key)).order_by(table.waits_for, table.status, table.waiting_since)
    )
    first_at = connection.execute(first.limit(1)).scalar()
    return Awaited(key, since, count, _event(text) if text is not None else None, first_at)


def _trail(row: RowMapping) -> Trail:
    return Trail(
        handler=row["handler"],
        state=None if row["status"] == HANDLED else state_of(row),
        remaining=Remaining(row["remaining"]) if row["remaining"] in list(Remaining) else Remaining.EVERYTHING,
        attempts=row["failed_attempt_count"],
        error=row["last_error_msg"] or "",
        waits_for=row["waits_for"] or "",
        due_at=row["not_before_timestamp"],
        inserted_at=row["insertion_timestamp"],
        tried_at=row["last_attempt_timestamp"],
        finished_at=row["handled_timestamp"],
        owner=row["owner"] or "",
        handled_by=row["handled_by"] or "",
        duration=row["handler_duration"],
        event=_event(row["event"]),
    )


def _event(text: bytes) -> Event | None:
    try:
        return loads(text)
    except RecordError:
        return None
