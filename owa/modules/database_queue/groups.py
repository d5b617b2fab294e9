"""Failed events by their errors, and what else there is among them: found from value to value, by an index."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, literal, select

from owa.module_api import MOST, Capped, ErrorGroup, FailedKinds, FailedState
from owa.modules.database_queue.glance import count_up_to
from owa.modules.database_queue.rows import BROKEN, UNHANDLED
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.modules.database_queue.wanted import place_of

TABLE = QUEUE_ITEM.c
MOST_GROUPS = 500
"""Errors among which the latest are looked for."""
SAMPLED = 50
"""Events of a group that say which handlers and sites it has."""
SHOWN = 5
"""Handlers and sites of a group that are told."""

_FAILED = TABLE.status == BROKEN, TABLE.fingerprint.is_not(None)
_HAVE_FAILED = TABLE.status == UNHANDLED, TABLE.fingerprint.is_not(None)


class FailedGroups:
    """Of what was given up."""

    def failed_kinds(self, connection: Connection, limit: int, state: FailedState = FailedState.FAILED) -> FailedKinds:
        columns = TABLE.event_type, TABLE.site_id, TABLE.handler
        among = _HAVE_FAILED if state is FailedState.RETRYING else _FAILED
        return FailedKinds(*(tuple(_values(connection, column, limit, among)) for column in columns))

    def failed_groups(self, connection: Connection, limit: int) -> list[ErrorGroup]:
        at = TABLE.last_attempt_timestamp
        last = {
            value: connection.execute(select(func.max(at)).where(*_FAILED, TABLE.fingerprint == value)).scalar_one()
            for value in _values(connection, TABLE.fingerprint, MOST_GROUPS)
        }
        latest = sorted(last, key=lambda value: (last[value], value), reverse=True)
        return [_group(connection, value) for value in latest[:limit]]


def _values(
    connection: Connection, column: Column[Any], limit: int, among: Sequence[ColumnElement[bool]] = _FAILED
) -> list[Any]:
    """The least values of a column."""
    first = select(func.min(column).label("value")).where(*among)
    found = first.cte("found", recursive=True)
    following = select(func.min(column)).where(*among, column > found.c.value).scalar_subquery()
    found = found.union_all(select(following).where(found.c.value.is_not(None)))
    statement = select(found.c.value).where(found.c.value.is_not(None)).limit(limit)
    return list(connection.execute(statement).scalars())


def _group(connection: Connection, value: str) -> ErrorGroup:
    mine = (*_FAILED, TABLE.fingerprint == value)
    count = count_up_to(connection, select(literal(1)).where(*mine), MOST + 1)
    first = connection.execute(select(func.min(TABLE.last_attempt_timestamp)).where(*mine)).scalar_one()
    latest = [column.desc() for column in place_of(FailedState.FAILED)]
    columns = TABLE.last_error_msg, TABLE.last_attempt_timestamp, TABLE.handler, TABLE.site_id
    rows = connection.execute(select(*columns).where(*mine).order_by(*latest).limit(SAMPLED)).all()
    return ErrorGroup(
        fingerprint=value,
        error=rows[0][0] or "",
        count=Capped(min(count, MOST), count > MOST),
        first_at=first,
        last_at=rows[0][1],
        handlers=tuple(sorted({row[2] for row in rows})[:SHOWN]),
        site_ids=tuple(sorted({row[3] for row in rows})[:SHOWN]),
    )
