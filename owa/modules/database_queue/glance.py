"""Figures at a glance: none is counted further than is asked for, and each by an index, whatever else there is."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, literal_column, select

from owa.module_api import QueueStatus, State
from owa.modules.database_queue.rows import BROKEN, UNHANDLED
from owa.modules.database_queue.table import QUEUE_ITEM

_LOOKED_AT = 500
"""Deliveries of an event handler that are looked at for how many of them are tried again: no index tells that."""

_TABLE = QUEUE_ITEM.c
# Literals, so that the planners see that the partial indexes serve.
_UNHANDLED = _TABLE.status == literal_column("'unhandled'")
_BROKEN = _TABLE.status == literal_column("'broken'")
_UNFINISHED = _TABLE.status != literal_column("'handled'")
_WAITS = _TABLE.not_before_timestamp.is_(None)


class Glance:
    """For pages that are looked at often."""

    def glance(self, connection: Connection, limit: int, sites: Collection[str] | None = None) -> QueueStatus:
        if connection.execute(_ANY).first() is None:  # as most drains find it
            return QueueStatus(
                0, None, dict.fromkeys((State.WAITING.value, State.RETRYING.value, State.FAILED.value), 0)
            )
        mine = () if sites is None else (_UNFINISHED, _TABLE.site_id.in_(sites))

        def count(*conditions: ColumnElement[bool]) -> int:
            return count_up_to(connection, select(literal(1)).where(*conditions, *mine), limit)

        core = _UNHANDLED, _TABLE.handler == ""
        waiting, retrying = count(*core, _WAITS), count(*core, ~_WAITS)
        deliveries: dict[str, int] = {}
        depth = waiting + retrying
        for handler in connection.execute(_HANDLERS).scalars().all():
            theirs = _UNHANDLED, _TABLE.handler == handler
            if kept := count(*theirs):
                deliveries[f"to {handler}"] = kept
                depth += kept
                retrying += _tried_again(connection, *theirs, *mine)
        details = {State.WAITING.value: waiting, State.RETRYING.value: retrying, State.FAILED.value: count(_BROKEN)}
        oldest = connection.execute(_OLDEST).scalar() if depth else None
        due = _oldest_due(connection, deliveries) if depth > waiting else None
        return QueueStatus(depth, oldest, details | deliveries, due)


def _oldest_due(connection: Connection, deliveries: Iterable[str]) -> int | None:
    """Since when the oldest is there that waits for no other event. Looked for among the oldest of all; where these all
    wait, among what is due first, whose age may be a little less than the oldest's."""
    among = _OLDEST.with_only_columns(_TABLE.insertion_timestamp, _WAITS.label("waits")).limit(_LOOKED_AT).subquery()
    found = [connection.execute(select(func.min(among.c.insertion_timestamp)).where(~among.c.waits)).scalar()]
    if found[0] is not None:
        return int(found[0])
    for handler in ("", *(name.removeprefix("to ") for name in deliveries)):
        mine = _UNHANDLED, _TABLE.handler == handler, ~_WAITS
        some = select(_TABLE.insertion_timestamp).where(*mine).order_by(_TABLE.not_before_timestamp).limit(_LOOKED_AT)
        found.append(connection.execute(select(func.min(some.subquery().c.insertion_timestamp))).scalar())
    return min((one for one in found if one is not None), default=None)


_ANY = select(literal(1)).where(_TABLE.status.in_((UNHANDLED, BROKEN))).limit(1)
_OLDEST = (
    select(_TABLE.insertion_timestamp).where(_UNHANDLED, _UNFINISHED).order_by(_TABLE.insertion_timestamp).limit(1)
)


def count_up_to(connection: Connection, rows: Select[Any], limit: int) -> int:
    """How many there are; `limit` when there are more. That there are so many is seen faster than counted."""
    if connection.execute(rows.limit(1).offset(limit - 1)).first():
        return limit
    return connection.execute(select(func.count()).select_from(rows.limit(limit).subquery())).scalar_one()


def _tried_again(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    rows = select(_TABLE.failed_attempt_count).where(*conditions).limit(_LOOKED_AT).subquery()
    return connection.execute(select(func.count()).where(rows.c.failed_attempt_count > 0)).scalar_one()


def _handlers() -> Select[tuple[str]]:
    """Those that something is kept for, one look-up each: from each the index leads to the next."""

    def after(handler: ColumnElement[str]) -> ColumnElement[str]:
        return select(func.min(_TABLE.handler)).where(_UNHANDLED, _TABLE.handler > handler).scalar_subquery()

    found = select(after(literal("")).label("handler")).cte("handlers", recursive=True)
    found = found.union_all(select(after(found.c.handler)).where(found.c.handler.is_not(None)))
    return select(found.c.handler).where(found.c.handler.is_not(None))


_HANDLERS = _handlers()
