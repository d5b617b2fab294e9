"""Page views as they are stored, for whoever folds sessions anew."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, RowMapping, select

from owa.analytics.page_view import PageView
from owa.analytics.tables import HOST, LOCATION, REQUEST
from owa.identity import NOT_SET

PART = 500
"""Rows that are in memory at once."""


def stored_rows(connection: Connection, session_ids: Iterable[int]) -> Iterator[Sequence[RowMapping]]:
    """The rows of these sessions' page views, in parts and no order, with host, city and country as the dimensions
    spell them: the least texts of their ids."""
    columns = (*REQUEST.c, HOST.c.host, LOCATION.c.city, LOCATION.c.country)
    tables = REQUEST.outerjoin(HOST, HOST.c.id == REQUEST.c.host_id)
    tables = tables.outerjoin(LOCATION, LOCATION.c.id == REQUEST.c.location_id)
    statement = select(*columns).select_from(tables).where(REQUEST.c.session_id.in_(session_ids))
    return connection.execute(statement, execution_options={"yield_per": PART}).mappings().partitions()


def page_view_of(row: RowMapping) -> PageView:
    """The page view of such a row, one that has `received_at`."""
    return PageView(
        key=(row["received_at"], row["id"]),
        site_id=row["site_id"],
        session_id=row["session_id"],
        visitor_id=row["visitor_id"],
        opens_session=bool(row["is_entry_page"]),
        carries_attribution=bool(row["carries_attribution"]),
        attributions=row["attributions"] or "",
        user_name=_text(row["user_name"]),
        user_email=_text(row["user_email"]),
        prior_session_id=row["prior_session_id"],
        host=row["host"] or "",
        city=row["city"] or "",
        country=row["country"] or "",
        row={str(name): value for name, value in row.items()},
    )


def _text(value: str | None) -> str:
    return "" if value is None or value == NOT_SET else value
