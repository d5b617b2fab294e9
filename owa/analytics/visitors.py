"""Visitors: one row for each visitor id, over all sites.

`first_session_*` from the least event, whatever its type; `last_session_*` from the greatest session entry;
`num_prior_sessions` the greatest of the sessions'. A session's entry can be replaced by an earlier one: then the last
two are looked up anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select, update

from owa.analytics.calendar import Day, calendar
from owa.analytics.fact import Fact
from owa.analytics.merges import Columns, earlier, later, merge, take, with_key
from owa.analytics.page_view import PageView
from owa.analytics.settings import TIME_ZONE
from owa.analytics.tables import SESSION, VISITOR
from owa.clock import MICROSECONDS
from owa.contributions import ProcessingContext
from owa.db.bulk import chunks
from owa.identity import NOT_SET

_FIRST = (
    "first_session_id",
    "first_session_year",
    "first_session_month",
    "first_session_day",
    "first_session_dayofyear",
    "first_session_timestamp",
    "first_session_yyyymmdd",
)
_LAST = (
    "last_session_id",
    "last_session_year",
    "last_session_month",
    "last_session_day",
    "last_session_dayofyear",
)


@dataclass(slots=True)
class Fold:
    """What a batch knows about one visitor."""

    first: Fact | None = None
    last_entry: PageView | None = None
    prior_sessions: int | None = None
    named: PageView | None = None
    mailed: PageView | None = None


def store_visitors(
    connection: Connection,
    context: ProcessingContext,
    facts: Iterable[Fact],
    views: Iterable[PageView] = (),
    entries: Iterable[PageView] = (),
) -> None:
    """Merge into `owa_visitor` what new events tell, new page views in particular, and the entries that sessions got
    from this batch."""
    folds: dict[int, Fold] = {}
    for fact in facts:
        _add_fact(folds.setdefault(fact.event.visitor_id, Fold()), fact)
    for view in views:
        _add_view(folds.setdefault(view.visitor_id, Fold()), view)
    for entry in entries:
        _add_entry(folds.setdefault(entry.visitor_id, Fold()), entry)
    _MERGE.run(connection, (_row(visitor_id, folds[visitor_id], context) for visitor_id in sorted(folds)))


def recompute_last_sessions(connection: Connection, visitors: Iterable[int], context: ProcessingContext) -> None:
    """Look up anew what depends on which entries a visitor's sessions have."""
    for part in chunks(sorted(set(visitors))):
        _update_last(connection, [_last_session(connection, visitor_id, context) for visitor_id in part])


def _add_fact(item: Fold, fact: Fact) -> None:
    if item.first is None or fact.key < item.first.key:
        item.first = fact


def _add_view(item: Fold, view: PageView) -> None:
    if view.user_name and (item.named is None or view.key > item.named.key):
        item.named = view
    if view.user_email and (item.mailed is None or view.key > item.mailed.key):
        item.mailed = view


def _add_entry(item: Fold, entry: PageView) -> None:
    if item.last_entry is None or entry.key > item.last_entry.key:
        item.last_entry = entry
    prior = entry.row.num_prior_sessions
    if prior is not None and (item.prior_sessions is None or prior > item.prior_sessions):
        item.prior_sessions = prior


def _row(visitor_id: int, item: Fold, context: ProcessingContext) -> dict[str, Any]:
    row = {**_EMPTY_ROW, "id": visitor_id, "num_prior_sessions": item.prior_sessions}
    if item.first:
        when = item.first.calendar.date
        row |= {
            "first_session_id": item.first.session_id,
            "first_session_year": when.year,
            "first_session_month": str(when.month),
            "first_session_day": when.day,
            "first_session_dayofyear": when.dayofyear,
            "first_session_timestamp": item.first.event.timestamp,
            "first_session_yyyymmdd": when.yyyymmdd,
        }
        _set_key(row, "first_session", item.first)
    if item.last_entry:
        when = calendar(item.last_entry.key[0] // MICROSECONDS, context.settings[TIME_ZONE]).date
        row |= _last_columns(item.last_entry.session_id, when)
        _set_key(row, "last_session", item.last_entry)
    if item.named:
        row["user_name"] = item.named.user_name
        _set_key(row, "user_name", item.named)
    if item.mailed:
        row["user_email"] = item.mailed.user_email
        _set_key(row, "user_email", item.mailed)
    return row


def _last_columns(session_id: int, when: Day) -> dict[str, Any]:
    return {
        "last_session_id": session_id,
        "last_session_year": when.year,
        "last_session_month": str(when.month),
        "last_session_day": when.day,
        "last_session_dayofyear": when.dayofyear,
    }


def _set_key(row: dict[str, Any], group: str, decides: Fact | PageView) -> None:
    row[f"{group}_at"], row[f"{group}_guid"] = decides.key


def _last_session(connection: Connection, visitor_id: int, context: ProcessingContext) -> dict[str, Any]:
    """The columns that the visitor's stored sessions give; NULLs when it has none any more."""
    table = SESSION.c
    own = table.visitor_id == visitor_id
    prior = connection.execute(select(func.max(table.num_prior_sessions)).where(own)).scalar_one()
    last = connection.execute(
        select(table.id, table.entry_at, table.entry_guid)
        .where(own, table.entry_at.is_not(None))  # somebody's hand may have emptied it
        .order_by(table.entry_at.desc(), table.entry_guid.desc())
        .limit(1)
    ).first()
    row: dict[str, Any] = dict.fromkeys(with_key("last_session", _LAST))
    if last:
        session_id, at, guid = last
        row |= _last_columns(session_id, calendar(at // MICROSECONDS, context.settings[TIME_ZONE]).date)
        row |= {"last_session_at": at, "last_session_guid": guid}
    return {**row, "num_prior_sessions": prior, "visitor": visitor_id}


def _update_last(connection: Connection, rows: list[dict[str, Any]]) -> None:
    names = [*with_key("last_session", _LAST), "num_prior_sessions"]
    statement = update(VISITOR).where(VISITOR.c.id == bindparam("visitor"))
    connection.execute(statement.values({name: bindparam(name) for name in names}), rows)


def _assign(new: Columns, old: Columns) -> dict[str, Any]:
    more_sessions = (new.num_prior_sessions.is_not(None)) & (
        old.num_prior_sessions.is_(None) | (new.num_prior_sessions > old.num_prior_sessions)
    )
    return {
        **take(earlier(new, old, "first_session"), new, old, with_key("first_session", _FIRST)),
        **take(later(new, old, "last_session"), new, old, with_key("last_session", _LAST)),
        "num_prior_sessions": case((more_sessions, new.num_prior_sessions), else_=old.num_prior_sessions),
        **take(later(new, old, "user_name"), new, old, with_key("user_name", ["user_name"])),
        **take(later(new, old, "user_email"), new, old, with_key("user_email", ["user_email"])),
    }


_EMPTY_ROW: dict[str, Any] = {
    **dict.fromkeys(VISITOR.columns.keys()),
    "user_name": NOT_SET,
    "user_email": NOT_SET,
}

_MERGE = merge(VISITOR, ("id",), _assign)
