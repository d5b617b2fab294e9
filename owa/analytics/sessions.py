"""Sessions: one row for each (site_id, session_id), folded from its page views.

A session is open when its entry is known: the least page view that carries `is_new_session`. From then on each page
view merges into the row; before, it waits. If none comes, the session is adopted: its least page view is the entry,
until one with the flag takes its place after all.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, literal_column, or_, tuple_

from owa.analytics.calendar import calendar
from owa.analytics.merges import Columns, later, merge, take, with_key
from owa.analytics.page_view import PageView
from owa.analytics.settings import TIME_ZONE
from owa.analytics.tables import CUSTOM_VARIABLES, SESSION
from owa.clock import MICROSECONDS
from owa.contributions import ProcessingContext
from owa.db.bulk import look_up
from owa.identity import NOT_SET

SessionId = tuple[str, int]
"""(site_id, session_id)."""

ATTRIBUTION = ("medium", "source_id", "campaign_id", "ad_id", "referring_search_term_id")

_FROM_REQUEST = (
    "visitor_id",
    "referer_id",
    "ua_id",
    "host_id",
    "os_id",
    "location_id",
    "timestamp",
    "yyyymmdd",
    "year",
    "month",
    "day",
    "dayofweek",
    "dayofyear",
    "weekofyear",
    "hour",
    "minute",
    "ip_address",
    "language",
    "is_new_visitor",
    "is_repeat_visitor",
    "days_since_prior_session",
    "days_since_first_session",
    "num_prior_sessions",
    "os",
    "is_robot",
    "is_browser",
    *CUSTOM_VARIABLES,
)
"""Columns that the entry's request row has under the same name."""

_from_request, _attribution_of = attrgetter(*_FROM_REQUEST), attrgetter(*ATTRIBUTION)

_ENTRY = (
    *_FROM_REQUEST,
    "first_page_id",
    "host",
    "city",
    "country",
    "prior_session_id",
    "prior_session_lastreq",
    "time_sinse_priorsession",
    "prior_session_year",
    "prior_session_month",
    "prior_session_day",
    "prior_session_dayofweek",
    "prior_session_hour",
    "prior_session_minute",
)
"""All columns that follow the entry."""


EntryKey = tuple[int, int, int]
"""(0 for a flagged page view, 1 for an adopted one; received_at; guid): the least one is the session's entry."""


@dataclass(slots=True)
class Fold:
    """What a batch knows about one session."""

    site_id: str
    session_id: int
    views: int = 0
    flagged: PageView | None = None
    """The least page view with the flag."""
    first: PageView | None = None
    """The least page view."""
    adopted: bool = False
    """Whether the session may be opened by its first page view, though none has the flag."""
    last: PageView | None = None
    attributed: PageView | None = None
    touched: PageView | None = None
    named: PageView | None = None
    mailed: PageView | None = None
    goals: int = 0
    """Those that its page views reach, a bit for each."""

    def add(self, view: PageView) -> None:
        self.views += 1
        self.goals |= view.goals
        key = view.key
        if view.opens_session and (self.flagged is None or key < self.flagged.key):
            self.flagged = view
        if self.first is None or key < self.first.key:
            self.first = view
        self.last = _later(self.last, view)
        if view.carries_attribution:
            self.attributed = _later(self.attributed, view)
        if view.attributions:
            self.touched = _later(self.touched, view)
        if view.user_name:
            self.named = _later(self.named, view)
        if view.user_email:
            self.mailed = _later(self.mailed, view)

    @property
    def entry(self) -> PageView | None:
        """The page view that the batch proposes as the session's entry."""
        return self.flagged or (self.first if self.adopted else None)

    @property
    def entry_key(self) -> EntryKey | None:
        entry = self.entry
        return (int(self.flagged is None), *entry.key) if entry else None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """What is stored of a session that is open."""

    entry: EntryKey
    visitor_id: int

    @property
    def adopted(self) -> bool:
        """No page view with the flag has come so far."""
        return self.entry[0] == 1


def fold(views: Iterable[PageView]) -> dict[SessionId, Fold]:
    """What the page views know, session by session."""
    folds: dict[SessionId, Fold] = {}
    for view in views:
        identity = (view.site_id, view.session_id)
        if identity not in folds:
            folds[identity] = Fold(*identity)
        folds[identity].add(view)
    return folds


def open_sessions(connection: Connection, sessions: Iterable[SessionId]) -> dict[SessionId, OpenSession]:
    """Those of the sessions that are open."""
    wanted = set(sessions)
    rows = _OPEN.rows(connection, {session_id for _, session_id in wanted})
    return {
        (site_id, session_id): OpenSession((adopted, at, guid), visitor_id)
        for site_id, session_id, adopted, at, guid, visitor_id in rows
        if (site_id, session_id) in wanted
    }


def store_sessions(connection: Connection, folds: Sequence[Fold], context: ProcessingContext) -> None:
    """Merge the folds into `owa_session`. Each has an entry, or its session is open."""
    ordered = sorted(folds, key=lambda item: (item.session_id, item.site_id))
    _MERGE.run(connection, (session_row(item, context) for item in ordered))


def session_row(item: Fold, context: ProcessingContext) -> dict[str, Any]:
    """The row as the batch alone would have it; what the batch does not know is NULL, with a NULL key. Its sums and
    goals are another's: see `owa.analytics.session_sums`."""
    row = dict(_EMPTY_ROW)
    row.update(id=item.session_id, site_id=item.site_id, num_pageviews=item.views, is_bounce=int(item.views == 1))
    if item.last:
        # The column may not be NULL, so without an entry some visitor is proposed; only an entry's is ever taken.
        row["visitor_id"] = item.last.visitor_id
        row.update(last_req=item.last.row.timestamp, last_page_id=int(item.last.row.document_id))
        _set_key(row, "last", item.last)
    if item.entry and item.entry_key:
        row.update(_entry_columns(item.entry, context))
        row["entry_adopted"], row["entry_at"], row["entry_guid"] = item.entry_key
    if source := item.attributed or item.entry:
        row.update(zip(ATTRIBUTION, _attribution_of(source.row), strict=True))
    if item.attributed:
        _set_key(row, "attribution", item.attributed)
    for group, view, value in (
        ("latest_attributions", item.touched, item.touched and item.touched.attributions),
        ("user_name", item.named, item.named and item.named.user_name),
        ("user_email", item.mailed, item.mailed and item.mailed.user_email),
    ):
        if view:
            row[group] = value
            _set_key(row, group, view)
    return row


def _later(best: PageView | None, view: PageView) -> PageView:
    return view if best is None or view.key > best.key else best


def _set_key(row: dict[str, Any], group: str, view: PageView) -> None:
    row[f"{group}_at"], row[f"{group}_guid"] = view.key


def _entry_columns(entry: PageView, context: ProcessingContext) -> dict[str, Any]:
    columns = dict(zip(_FROM_REQUEST, _from_request(entry.row), strict=True))
    columns |= {
        "first_page_id": int(entry.row.document_id),
        "host": entry.host,
        "city": entry.city,
        "country": entry.country,
        "prior_session_id": entry.prior_session_id or 0,
    }
    last_request = entry.row.last_req
    if last_request is not None and last_request > 0:
        before = calendar(last_request, context.settings[TIME_ZONE])
        columns |= {
            "prior_session_lastreq": last_request,
            "time_sinse_priorsession": entry.key[0] // MICROSECONDS - last_request,
            "prior_session_year": before.date.year,
            "prior_session_month": before.date.month_name,
            "prior_session_day": before.date.day,
            "prior_session_dayofweek": before.date.weekday,
            "prior_session_hour": before.hour,
            "prior_session_minute": before.minute,
        }
    return columns


def _entry_precedes(new: Columns, old: Columns) -> ColumnElement[bool]:
    new_key, old_key = (tuple_(side.entry_adopted, side.entry_at, side.entry_guid) for side in (new, old))
    return and_(new.entry_at.is_not(None), new_key < old_key)


def _assign(new: Columns, old: Columns) -> dict[str, Any]:
    attribution = or_(
        later(new, old, "attribution"),
        # while no page view carries one, it follows the entry
        and_(new.attribution_at.is_(None), old.attribution_at.is_(None), _entry_precedes(new, old)),
    )
    views = old.num_pageviews + new.num_pageviews
    return {
        "num_pageviews": views,
        "is_bounce": case((views == _ONE, _ONE), else_=_ZERO),
        **take(_entry_precedes(new, old), new, old, with_key("entry", ("entry_adopted", *_ENTRY))),
        **take(later(new, old, "last"), new, old, with_key("last", ("last_req", "last_page_id"))),
        **take(attribution, new, old, with_key("attribution", ATTRIBUTION)),
        **{
            column: value
            for group in ("latest_attributions", "user_name", "user_email")
            for column, value in take(later(new, old, group), new, old, with_key(group, [group])).items()
        },
    }


_OPEN = look_up(
    *(SESSION.c[name] for name in ("site_id", "id", "entry_adopted", "entry_at", "entry_guid", "visitor_id")),
    by=SESSION.c.id,  # alone: SQLite scans the table for (id, site_id) IN (…)
)

_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")

_EMPTY_ROW: dict[str, Any] = {
    **dict.fromkeys(SESSION.columns.keys()),
    **{column.name: 0 for column in SESSION.columns if column.name.startswith("commerce_")},
    "user_name": NOT_SET,
    "user_email": NOT_SET,
}

_OTHERS = re.compile("goal_|num_goal|goals_|commerce_|num_comments$|site$|is_feedreader$")
"""Columns that a new row leaves empty: sums and goals, which are another's, and what OWA has and nobody fills."""

_MERGE = merge(
    SESSION, ("id", "site_id"), _assign, [column.name for column in SESSION.columns if not _OTHERS.match(column.name)]
)
