"""Sessions anew, from the facts that are stored: what differs is told, and mended.

It works beside drains, a few sessions in one transaction. What it must not count is a page view whose part in its
session is left to do: whoever does that will add it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from owa.analytics.order_entries import follow_entries
from owa.analytics.session_sums import sums_and_goals
from owa.analytics.sessions import Fold, SessionId, session_row
from owa.analytics.stored_page_views import page_view_of, stored_rows
from owa.analytics.tables import GOALS, REQUEST, SESSION
from owa.analytics.visitors import recompute_last_sessions
from owa.contributions import ProcessingContext
from owa.db.engine import Database
from owa.identity import NOT_SET, text_id
from owa.queues.contract import Remaining, RetryQueue, session_key

SESSIONS, PAGE_VIEWS = 300, 5_000
"""At most so many sessions in one transaction, and as few as have so many page views."""

MOST_DIFFERENCES = 1_000
"""That are kept to be told. The others are counted."""

ROW = "id"
"""The column that stands for the whole row, where that was missing."""

_TEXTS = ("host", "city", "country")
_COLUMNS = [column.name for column in SESSION.columns if not column.primary_key]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Period:
    """From a second on, and before another one; None: without an end."""

    start: int | None = None
    end: int | None = None

    def has(self, second: int | None) -> bool:
        if second is None:
            return self == Period()
        return (self.start is None or second >= self.start) and (self.end is None or second < self.end)

    def conditions(self, second: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
        if self.start is not None:
            yield second >= self.start
        if self.end is not None:
            yield second < self.end


@dataclass(frozen=True, slots=True)
class Difference:
    """A column that was not what the facts say."""

    site_id: str
    session_id: int
    column: str
    stored: Any
    recomputed: Any


@dataclass(slots=True)
class Rebuilt:
    """The outcome."""

    sessions: int = 0
    """That were looked at."""
    differing: int = 0
    missing: int = 0
    """That had no row, though they are open."""
    skipped: int = 0
    """Their page views are from before what is needed was stored with them."""
    without_page_views: int = 0
    """Rows that nothing tells what they should be."""
    columns: int = 0
    """That differed, those of missing rows not counted one by one."""
    differences: list[Difference] = field(default_factory=list)
    """The first of them."""

    def note(self, difference: Difference) -> None:
        self.columns += 1
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(difference)


@dataclass(slots=True)
class _Session:
    """A session, and what its page views make of it."""

    fold: Fold
    stored: RowMapping | None = None
    is_wanted: bool = False
    is_old: bool = False
    """It has page views from before migration 0009."""

    @property
    def identity(self) -> SessionId:
        return self.fold.site_id, self.fold.session_id


def rebuild_sessions(
    database: Database,
    retries: RetryQueue,
    context: Callable[[], ProcessingContext],
    period: Period = Period(),
    *,
    check: bool = False,
    progress: Callable[[int], None] = lambda _count: None,
) -> Rebuilt:
    """Compare sessions with a page view, or an entry, within the period, and mend them; with `check`, only compare.
    `context` is asked once for each transaction. `progress` is called after each with how many sessions it had. Raises
    `DatabaseUnavailable`: what has been mended by then stays so."""
    rebuilt, last = Rebuilt(), -1
    while True:
        with database.reading() as connection:
            ids = _following(connection, last, period)
        if not ids:
            return rebuilt
        before, last = rebuilt.sessions, ids[-1]
        with database.reading() if check else database.writing() as connection:
            now = context()
            changed = _compare(connection, _wanted(connection, ids, period, retries), now, rebuilt)
            if not check:
                _mend(connection, changed, retries, now)
        progress(rebuilt.sessions - before)


def _following(connection: Connection, last: int, period: Period) -> list[int]:
    """The session ids of the next transaction."""
    views, rows = REQUEST.c, SESSION.c
    with_views = select(views.session_id, func.count()).where(views.session_id > last)
    with_views = with_views.where(*period.conditions(views.timestamp)).group_by(views.session_id)
    with_row = select(rows.id).where(rows.id > last, *period.conditions(rows.timestamp)).distinct()
    counts = dict.fromkeys(connection.execute(with_row.order_by(rows.id).limit(SESSIONS)).scalars(), 0)
    counts.update((row[0], row[1]) for row in connection.execute(with_views.order_by(views.session_id).limit(SESSIONS)))
    chosen, total = list[int](), 0
    for session_id in sorted(counts)[:SESSIONS]:
        total += counts[session_id]
        if chosen and total > PAGE_VIEWS:
            break
        chosen.append(session_id)
    return chosen


def _wanted(connection: Connection, ids: list[int], period: Period, retries: RetryQueue) -> list[_Session]:
    """The sessions of these ids that have something within the period, folded, in their order."""
    sessions: dict[SessionId, _Session] = {}
    for stored in connection.execute(select(SESSION).where(SESSION.c.id.in_(ids))).mappings():
        identity = stored["site_id"], stored["id"]
        sessions[identity] = _Session(Fold(*identity), stored, period.has(stored["timestamp"]))
    for part in stored_rows(connection, ids):
        left = retries.unfinished_among(connection, [row.id for row in part], Remaining.SESSION)
        for row in part:
            identity = row.site_id, row.session_id
            session = sessions.get(identity) or sessions.setdefault(identity, _Session(Fold(*identity)))
            session.is_wanted |= period.has(row.timestamp)
            if row.received_at is None:
                session.is_old = True
            elif row.id not in left:
                session.fold.add(page_view_of(row))
    return [session for _, session in sorted(sessions.items(), key=lambda item: item[0][::-1]) if session.is_wanted]


def _compare(
    connection: Connection, sessions: Iterable[_Session], context: ProcessingContext, rebuilt: Rebuilt
) -> list[tuple[_Session, Row]]:
    """Those that must change, with what must."""
    ready = [session for session in sessions if _is_comparable(session, rebuilt)]
    sums = sums_and_goals(
        connection,
        {session.identity: session.fold.goals for session in ready},
        {session.identity: _worth(session.stored) for session in ready if session.stored},
        context,
    )
    changed = []
    for session in ready:
        row = session_row(session.fold, context) | sums[session.identity]
        _keep_spelling(row, session.stored)
        if change := _change(session, row, rebuilt):
            changed.append((session, change))
    return changed


def _is_comparable(session: _Session, rebuilt: Rebuilt) -> bool:
    """Whether it is open, and there are page views to fold. Counts it."""
    fold = session.fold
    fold.adopted = True  # it counts only if no page view has the flag
    if session.stored is None and not fold.views and not session.is_old:
        return False  # not open: all of it waits
    rebuilt.sessions += 1
    if session.is_old:
        rebuilt.skipped += 1
    elif not fold.views:
        rebuilt.without_page_views += 1
    return not session.is_old and fold.views > 0


def _change(session: _Session, row: Row, rebuilt: Rebuilt) -> Row:
    """The columns that differ; of a missing row, all."""
    if session.stored is None:
        rebuilt.missing += 1
        rebuilt.note(Difference(*session.identity, ROW, None, session.fold.session_id))
        return row
    change = {name: row[name] for name in _COLUMNS if row[name] != session.stored[name]}
    rebuilt.differing += bool(change)
    for name, value in change.items():
        rebuilt.note(Difference(*session.identity, name, session.stored[name], value))
    return change


def _keep_spelling(row: Row, stored: RowMapping | None) -> None:
    """A dimension has one of the texts that have its id, and its entry may have had another. Where the dimension's row
    is gone, nobody knows."""
    for name in _TEXTS:
        own = stored[name] if stored else None
        if not row[name]:
            row[name] = own or NOT_SET
        elif own is not None and text_id(own) == text_id(row[name]):
            row[name] = own


def _worth(stored: RowMapping) -> dict[int, int | None]:
    return {number: stored[f"goal_{number}_value"] for number in GOALS}


def _mend(
    connection: Connection, changed: list[tuple[_Session, Row]], retries: RetryQueue, context: ProcessingContext
) -> None:
    """Write the columns, and what follows from them."""
    visitors, entered, opened = set[int](), list[SessionId](), list[str]()
    for session, row in changed:
        if session.stored is None:
            connection.execute(insert(SESSION), row)
            opened.append(session_key(*session.identity))
            visitors.add(row["visitor_id"])
        else:
            own = (SESSION.c.id == session.fold.session_id) & (SESSION.c.site_id == session.fold.site_id)
            connection.execute(update(SESSION).where(own).values(row))
            visitors |= {session.stored["visitor_id"], row.get("visitor_id", session.stored["visitor_id"])}
        if "entry_guid" in row:
            entered.append(session.identity)
    recompute_last_sessions(connection, visitors, context)
    follow_entries(connection, entered)
    retries.wake(connection, opened, context.now)
