"""Orders that were confirmed later say who bought, and where he came from, by the page view that opened their session:
whoever confirms an order knows nothing of its visitor."""

from collections.abc import Iterable

from sqlalchemy import Connection, and_, bindparam, select, update

from owa.analytics.sessions import SessionId
from owa.analytics.tables import CUSTOM_VARIABLES, LINE_ITEM, REQUEST, SESSION, TRANSACTION
from owa.db.bulk import LookUp

_FROM_ENTRY = (
    "visitor_id",
    "referer_id",
    "ua_id",
    "host_id",
    "os_id",
    "location_id",
    "referring_search_term_id",
    "ip_address",
    "is_new_visitor",
    "is_repeat_visitor",
    "language",
    "days_since_prior_session",
    "days_since_first_session",
    "num_prior_sessions",
    "medium",
    "source_id",
    "ad_id",
    "campaign_id",
    "user_name",
    *CUSTOM_VARIABLES,
)


def follow_entries(connection: Connection, sessions: Iterable[SessionId]) -> None:
    """Copy these columns from the entries of open sessions to their delayed orders, and to the line items."""
    wanted = set(sessions)
    rows = [
        {name: getattr(row, name) for name in ("its_order", *_FROM_ENTRY)}
        for row in _DELAYED.rows(connection, {session_id for _, session_id in wanted})
        if (row.site_id, row.session_id) in wanted
    ]
    if rows:
        for statement in _UPDATES:
            connection.execute(statement, rows)


_SESSION = and_(SESSION.c.id == TRANSACTION.c.session_id, SESSION.c.site_id == TRANSACTION.c.site_id)
_SELECT = select(
    TRANSACTION.c.id.label("its_order"),
    TRANSACTION.c.site_id,
    TRANSACTION.c.session_id,
    *(REQUEST.c[name] for name in _FROM_ENTRY),
).select_from(TRANSACTION.join(SESSION, _SESSION).join(REQUEST, REQUEST.c.id == SESSION.c.entry_guid))
_DELAYED = LookUp(
    lambda among: _SELECT.where(among(TRANSACTION.c.session_id), TRANSACTION.c.original_session.is_not(None))
)
_UPDATES = [
    update(table).where(order == bindparam("its_order")).values({name: bindparam(name) for name in _FROM_ENTRY})
    for table, order in ((TRANSACTION, TRANSACTION.c.id), (LINE_ITEM, LINE_ITEM.c.transaction_id))
]
