"""Which rows a filter of failed events means, and in which order they are listed."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, func, select, tuple_

from owa.module_api import FailedFilter, FailedState, Place
from owa.modules.database_queue.rows import BROKEN, HANDLED, UNHANDLED
from owa.modules.database_queue.table import QUEUE_ITEM

REACH = 10_000
"""Rows that are looked at for one page."""

TABLE = QUEUE_ITEM.c

_HAS_FAILED = TABLE.fingerprint.is_not(None)

_OF_STATES: dict[FailedState, tuple[ColumnElement[bool], ...]] = {
    FailedState.FAILED: (TABLE.status == BROKEN, _HAS_FAILED),
    FailedState.RETRYING: (
        TABLE.status == UNHANDLED,
        _HAS_FAILED,
        TABLE.last_attempt_timestamp.is_not(None),
        TABLE.waits_for.is_(None),
    ),
    FailedState.DISCARDED: (TABLE.status == HANDLED, TABLE.discarded_at.is_not(None)),
}


def of_state(state: FailedState) -> ColumnElement[bool]:
    """Holds for rows of events in that state."""
    return and_(*_OF_STATES[state])


def place_of(state: FailedState) -> tuple[Column[Any], Column[Any], Column[Any]]:
    """The columns that a list of these is ordered by."""
    at = TABLE.discarded_at if state is FailedState.DISCARDED else TABLE.last_attempt_timestamp
    return at, TABLE.id, TABLE.handler


def matching(
    wanted: FailedFilter, columns: Any = QUEUE_ITEM, before: Place | None = None, last: Place | None = None
) -> Select[Any]:
    """Select `columns` of what is wanted, in order."""
    place = place_of(wanted.state)
    statement = _from(wanted, columns, before).where(*_conditions(wanted))
    if last is not None:  # the first part alone leads the index
        statement = statement.where(place[0] >= last[0], tuple_(*place) >= last)
    return statement


def reach(connection: Connection, wanted: FailedFilter, before: Place | None) -> Place | None:
    """The place that `REACH` rows lead to which an index finds; None: there are not as many."""
    if not _is_searched_for(wanted):
        return None
    place = place_of(wanted.state)
    found = connection.execute(_from(wanted, place, before).offset(REACH).limit(1)).first()
    return (found[0], found[1], found[2]) if found else None


def _from(wanted: FailedFilter, columns: Any, before: Place | None) -> Select[Any]:
    """By the condition that an index serves in the order of the list, if there is one."""
    place = place_of(wanted.state)
    statement = select(*columns) if isinstance(columns, tuple) else select(columns)
    statement = statement.where(*_OF_STATES[wanted.state], *_leading(wanted)[:1])
    if wanted.since is not None:
        statement = statement.where(place[0] >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(place[0] < wanted.until)
    if before:
        statement = statement.where(tuple_(*place) < before)
    return statement.order_by(*(column.desc() for column in place))


def _leading(wanted: FailedFilter) -> list[ColumnElement[bool]]:
    """Those of which an index could serve one."""
    if wanted.state is FailedState.DISCARDED:
        return []
    found = [(TABLE.fingerprint, wanted.fingerprint), (TABLE.site_id, wanted.site_id)]
    conditions = [column == value for column, value in (*found, (TABLE.event_type, wanted.event_type)) if value]
    return conditions + ([] if wanted.handler is None else [TABLE.handler == wanted.handler])


def _conditions(wanted: FailedFilter) -> list[ColumnElement[bool]]:
    """All but state, time and place."""
    named = {"fingerprint": wanted.fingerprint, "site_id": wanted.site_id, "event_type": wanted.event_type}
    found = [TABLE[name] == value for name, value in named.items() if value]
    numbers = {
        "handler": wanted.handler,
        "server": wanted.server,
        "id": wanted.guid,
        "session_id": wanted.session_id,
        "visitor_id": wanted.visitor_id,
    }
    found += [TABLE[name] == value for name, value in numbers.items() if value is not None]
    words = wanted.error.split()[:8]
    return found + [func.lower(TABLE.last_error_msg).contains(word.lower(), autoescape=True) for word in words]


def _is_searched_for(wanted: FailedFilter) -> bool:
    """Whether rows that an index finds may be others; not so of ids, of which there are few."""
    if wanted.guid is not None or wanted.session_id is not None or wanted.visitor_id is not None:
        return False
    named = wanted.fingerprint, wanted.site_id, wanted.event_type
    equal = sum(map(bool, named)) + (wanted.handler is not None)
    led = min(len(_leading(wanted)), 1)
    return equal > led or bool(wanted.error) or wanted.server is not None or wanted.state is FailedState.RETRYING
