"""What is stored of an event, of a session and of a visitor: for the eye. Each look-up is one by an index."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, Table, select

from owa.analytics.tables import (
    ACTION,
    AD,
    CAMPAIGN,
    CLICK,
    DOCUMENT,
    DOMSTREAM,
    FEED_REQUEST,
    HOST,
    LINE_ITEM,
    LOCATION,
    ORDER_EVENT,
    OS,
    REFERER,
    REQUEST,
    SEARCH_TERM,
    SESSION,
    SOURCE,
    TRANSACTION,
    UA,
    VISITOR,
)
from owa.clock import MICROSECONDS

SessionId = tuple[str, int]
"""(site_id, session_id)."""

_IN_SESSION = (REQUEST, ACTION, CLICK, DOMSTREAM, ORDER_EVENT)
"""Tables with a row for each event of a session, by guid, and an index of sessions."""

_FACTS = (*_IN_SESSION, FEED_REQUEST)

_GUIDS_PER_SECOND = 10**9
"""A guid starts with its second."""

_DIMENSIONS: tuple[tuple[str, Table, str], ...] = (
    ("document_id", DOCUMENT, "url"),
    ("referer_id", REFERER, ""),
    ("ua_id", UA, "browser_type"),
    ("os_id", OS, "name"),
    ("host_id", HOST, ""),
    ("location_id", LOCATION, ""),
    ("source_id", SOURCE, "source_domain"),
    ("campaign_id", CAMPAIGN, "name"),
    ("ad_id", AD, "name"),
    ("referring_search_term_id", SEARCH_TERM, ""),
)
"""Columns of facts, the tables that they lead to, and what is shown of those; empty: it may tell who the visitor is."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row that an event has left."""

    table: str
    key: int
    site_id: str
    session_id: int
    visitor_id: int | None
    """None: the row does not say."""
    at: int
    """When its event was received, in microseconds; of some to the second."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session that is open."""

    site_id: str
    session_id: int
    visitor_id: int
    page_views: int
    entry_at: int
    """When its first page view was received, in microseconds."""
    entry_guid: int
    is_adopted: bool
    """None of its page views says that it is the first one."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What a row refers to."""

    column: str
    table: str
    key: int
    is_there: bool
    text: str
    """Empty: it is not shown."""


def second_of(guid: int) -> int:
    """The moment that a guid names, in microseconds."""
    return guid // _GUIDS_PER_SECOND * MICROSECONDS


def rows_of(connection: Connection, guid: int) -> list[StoredRow]:
    """The rows of an event: its own, and those of the order that it has decided."""
    found = []
    for table in _FACTS:
        row = connection.execute(select(table).where(table.c.id == guid)).mappings().first()
        if row is None:
            continue
        found.append(_stored(table, row))
        if table is ORDER_EVENT:
            found += _order(connection, guid, row["session_id"])
    return found


def dimensions_of(connection: Connection, guid: int) -> list[Dimension]:
    """What the row of an event refers to."""
    for table in _FACTS:
        row = connection.execute(select(table).where(table.c.id == guid)).mappings().first()
        if row is not None:
            return [
                _dimension(connection, column, of, shown, int(row[column]))
                for column, of, shown in _DIMENSIONS
                if row.get(column) is not None
            ]
    return []


def session_of(connection: Connection, site_id: str, session_id: int) -> SessionState | None:
    """None: it is not open."""
    table = SESSION.c
    row = connection.execute(select(SESSION).where(table.id == session_id, table.site_id == site_id)).mappings().first()
    if row is None:
        return None
    return SessionState(
        site_id,
        session_id,
        row["visitor_id"],
        row["num_pageviews"],
        row["entry_at"],
        row["entry_guid"],
        bool(row["entry_adopted"]),
    )


def sessions_named(connection: Connection, session_id: int) -> list[SessionState]:
    """The open sessions of that id: as a rule one, since each site has its own."""
    sites = select(SESSION.c.site_id).where(SESSION.c.id == session_id).order_by(SESSION.c.site_id).limit(100)
    found = [session_of(connection, site_id, session_id) for site_id in connection.execute(sites).scalars().all()]
    return [state for state in found if state]


def events_of_session(connection: Connection, session_id: int, most: int) -> list[StoredRow]:
    """The first `most` events of each kind that sessions of that id have, in the order in which they were received."""
    found = []
    for table in _IN_SESSION:
        mine = select(table).where(table.c.session_id == session_id).order_by(table.c.id).limit(most)
        found += [_stored(table, row) for row in connection.execute(mine).mappings()]
    return sorted(found, key=lambda row: (row.at, row.key))


def sessions_of_visitor(connection: Connection, visitor_id: int, most: int) -> list[int]:
    """Ids of the visitor's sessions: the latest `most` that are open, and what is known as his first and his last one,
    be it open or not."""
    table = SESSION.c
    mine = select(table.id).where(table.visitor_id == visitor_id).order_by(table.id.desc()).limit(most)
    found = set(connection.execute(mine).scalars())
    ends = select(VISITOR.c.first_session_id, VISITOR.c.last_session_id).where(VISITOR.c.id == visitor_id)
    for row in connection.execute(ends):
        found |= {session_id for session_id in row if session_id}
    return sorted(found)


def _stored(table: Table, row: RowMapping) -> StoredRow:
    at = row.get("received_at") or second_of(row["id"])
    return StoredRow(table.name, row["id"], row["site_id"], row["session_id"], row.get("visitor_id"), at)


def _order(connection: Connection, guid: int, session_id: int) -> list[StoredRow]:
    mine = select(TRANSACTION).where(TRANSACTION.c.session_id == session_id, TRANSACTION.c.event_guid == guid)
    found = [_stored(TRANSACTION, row) for row in connection.execute(mine.limit(10)).mappings()]
    for order in tuple(found):
        items = select(LINE_ITEM).where(LINE_ITEM.c.transaction_id == order.key).order_by(LINE_ITEM.c.id).limit(100)
        found += [_stored(LINE_ITEM, row) for row in connection.execute(items).mappings()]
    return found


def _dimension(connection: Connection, column: str, table: Table, shown: str, key: int) -> Dimension:
    row = connection.execute(select(table).where(table.c.id == key)).mappings().first()
    text = str(row[shown] or "") if row and shown else ""
    return Dimension(column, table.name, key, row is not None, text.partition("?")[0].partition("#")[0])
