"""Page views as they are stored, for whoever folds sessions anew."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from owa.analytics.page_view import PageView
from owa.analytics.tables import HOST, LOCATION, REQUEST
from owa.db.bulk import chunks
from owa.identity import NOT_SET

PART = 500
"""Rows that are in memory at once."""


def stored_rows(connection: Connection, session_ids: Iterable[int]) -> Iterator[Sequence[Any]]:
    """The rows of these sessions' page views, in parts and no order, with host, city and country as the dimensions
    spell them: the least texts of their ids."""
    statement = _ROWS.where(REQUEST.c.session_id.in_(session_ids))
    return connection.execute(statement, execution_options={"yield_per": PART}).partitions()


def rows_of(connection: Connection, guids: Iterable[int]) -> dict[int, Any]:
    """The same of these page views, by guid."""
    found = {}
    for part in chunks(guids, PART):
        for row in connection.execute(_ROWS.where(REQUEST.c.id.in_(part))):
            found[row.id] = row
    return found


def spelled_as_stored(view: PageView, row: Any | None) -> PageView:
    """The page view of its row, if it has one; `view`: what would be made of its event now, which knows how host and
    place are spelled, unless they are others by now."""
    if row is None or row.received_at is None:
        return view
    stored = page_view_of(row)
    place = view if row.location_id == view.row.location_id else stored
    return stored._replace(host=view.host, city=place.city, country=place.country)


def page_view_of(row: Any) -> PageView:
    """The page view of such a row, one that has `received_at`."""
    return PageView(
        key=(row.received_at, row.id),
        site_id=row.site_id,
        session_id=row.session_id,
        visitor_id=row.visitor_id,
        opens_session=bool(row.is_entry_page),
        carries_attribution=bool(row.carries_attribution),
        attributions=row.attributions or "",
        user_name=_text(row.user_name),
        user_email=_text(row.user_email),
        prior_session_id=row.prior_session_id,
        host=row.host or "",
        city=row.city or "",
        country=row.country or "",
        row=row,
    )


_ROWS = select(*REQUEST.c, HOST.c.host, LOCATION.c.city, LOCATION.c.country).select_from(
    REQUEST.outerjoin(HOST, HOST.c.id == REQUEST.c.host_id).outerjoin(LOCATION, LOCATION.c.id == REQUEST.c.location_id)
)


def _text(value: str | None) -> str:
    return "" if value is None or value == NOT_SET else value
