"""Which rows a filter of failed events means, and in which order they are listed."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, func, literal_column, select, tuple_

from owa.module_api import FailedFilter, FailedState, Place
from owa.modules.database_queue.rows import BROKEN, HANDLED, UNHANDLED
from owa.modules.database_queue.table import QUEUE_ITEM

REACH = 1_000
"""Rows that are looked at for one page, of those that no index tells whether they are wanted."""

TABLE = QUEUE_ITEM.c

_SEARCHED = ("fingerprint", "site_id", "event_type", "session_id", "visitor_id", "server", "last_error_msg")
"""What a filter may ask for, besides what is in a place."""

_HAS_FAILED = TABLE.fingerprint.is_not(None)


def _aside(column: Column[str]) -> ColumnElement[str]:
    """The same text, for a condition that must not choose the index: another one leads to fewer rows."""
    return column.concat(literal_column("''"))


def of_state(state: FailedState, *, is_aside: bool = False) -> ColumnElement[bool]:
    """Holds for rows of events in that state. `is_aside`: another condition finds them."""
    status = _aside(TABLE.status) if is_aside else TABLE.status
    match state:
        case FailedState.FAILED:
            return and_(status == BROKEN, _HAS_FAILED)
        case FailedState.RETRYING:
            was_tried, waits_for = TABLE.last_attempt_timestamp.is_not(None), TABLE.waits_for
            return and_(status == UNHANDLED, _HAS_FAILED, was_tried, waits_for.is_(None))
        case FailedState.DISCARDED:
            return and_(_aside(TABLE.status) == HANDLED, TABLE.discarded_at.is_not(None))


_IN_INDEX = {
    FailedState.FAILED: TABLE.status == BROKEN,
    FailedState.DISCARDED: TABLE.discarded_at.is_not(None),
}
"""What says the same as `of_state` where the list's own index tells all: else each row would be read for it. Whatever
was given up has a fingerprint, and only what is finished is discarded."""


def place_of(state: FailedState) -> tuple[Column[Any], Column[Any], Column[Any]]:
    """The columns that a list of these is ordered by."""
    at = TABLE.discarded_at if state is FailedState.DISCARDED else TABLE.last_attempt_timestamp
    return at, TABLE.id, TABLE.handler


def matching(wanted: FailedFilter, before: Place | None = None, last: Place | None = None) -> Select[Any]:
    """Select the places of what is wanted, in order."""
    place = place_of(wanted.state)
    if last is None or not _is_searched_for(wanted):
        return _from(wanted, place, before).where(*_conditions(wanted, TABLE))
    columns = *place, *(TABLE[name] for name in _SEARCHED)
    # limited from within: by conditions for both ends of it, SQLite would choose an index for those alone
    some = _from(wanted, columns, before).limit(REACH + 1).subquery().c
    found = [some[column.name] for column in place]
    statement = select(*found).where(*_conditions(wanted, some), tuple_(*found) >= last)
    return statement.order_by(*(column.desc() for column in found))


def reach(connection: Connection, wanted: FailedFilter, before: Place | None) -> Place | None:
    """The place that `REACH` rows lead to which an index finds; None: there are not as many."""
    if not _is_searched_for(wanted):
        return None
    place = place_of(wanted.state)
    found = connection.execute(_from(wanted, place, before).offset(REACH).limit(1)).first()
    return (found[0], found[1], found[2]) if found else None


def _from(wanted: FailedFilter, columns: Iterable[Column[Any]], before: Place | None) -> Select[Any]:
    """What an index finds."""
    place = place_of(wanted.state)
    leading = _leading(wanted)
    in_state = of_state(wanted.state, is_aside=_has_id(wanted))
    if not leading and not _has_id(wanted):
        in_state = _IN_INDEX.get(wanted.state, in_state)
    statement = select(*columns).where(in_state, *leading)
    if wanted.since is not None:
        statement = statement.where(place[0] >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(place[0] < wanted.until)
    if before:
        statement = statement.where(tuple_(*place) < before)
    return statement.order_by(*(column.desc() for column in place))


def _equal(wanted: FailedFilter) -> list[tuple[Column[str], str]]:
    """What texts must be, those first whose index leads to the fewest rows."""
    found = [
        (TABLE.fingerprint, wanted.fingerprint),
        (TABLE.site_id, wanted.site_id),
        (TABLE.event_type, wanted.event_type),
    ]
    handlers = [] if wanted.handler is None else [(TABLE.handler, wanted.handler)]
    return [(column, value) for column, value in found if value] + handlers


def _has_id(wanted: FailedFilter) -> bool:
    """Whether an id is looked for: there are few of each."""
    return wanted.guid is not None or wanted.session_id is not None or wanted.visitor_id is not None


def _leading(wanted: FailedFilter) -> list[ColumnElement[bool]]:
    """The condition that an index serves in the order of the list, if there is one."""
    if wanted.state is FailedState.DISCARDED or _has_id(wanted):
        return []
    return [column == value for column, value in _equal(wanted)[:1]]


def _conditions(wanted: FailedFilter, table: Any) -> list[ColumnElement[bool]]:
    """All but state, time, place and the leading one."""
    found = [_aside(table[column.name]) == value for column, value in _equal(wanted)[len(_leading(wanted)) :]]
    ids = {"id": wanted.guid, "session_id": wanted.session_id, "visitor_id": wanted.visitor_id}
    numbers = {**ids, "server": wanted.server}
    found += [table[name] == value for name, value in numbers.items() if value is not None]
    if _has_id(wanted) and wanted.guid is None:
        found.append(table.fingerprint.is_not(None))
    words = wanted.error.split()[:8]
    return found + [func.lower(table.last_error_msg).contains(word.lower(), autoescape=True) for word in words]


def _is_searched_for(wanted: FailedFilter) -> bool:
    """Whether rows that an index finds may be others."""
    if _has_id(wanted):
        return False
    others = len(_equal(wanted)) > len(_leading(wanted)) or bool(wanted.error) or wanted.server is not None
    return others or wanted.state is FailedState.RETRYING
