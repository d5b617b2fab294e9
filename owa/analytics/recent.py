"""The latest stored page views, for the eye."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, and_, cast, select

from owa.analytics.tables import DOCUMENT, REQUEST, SESSION
from owa.clock import MICROSECONDS


@dataclass(frozen=True, slots=True)
class StoredPageView:
    guid: int
    received_at: int
    """Microseconds, to the millisecond."""
    site_id: str
    url: str
    title: str
    session_is_open: bool


def recent_page_views(connection: Connection, count: int) -> list[StoredPageView]:
    """The `count` page views with the greatest guids, latest first."""
    latest = select(REQUEST).order_by(REQUEST.c.id.desc()).limit(count).subquery()
    statement = (
        select(latest, DOCUMENT.c.url, DOCUMENT.c.page_title, SESSION.c.id.label("open_session"))
        .select_from(latest)
        .outerjoin(DOCUMENT, DOCUMENT.c.id == cast(latest.c.document_id, BigInteger))
        .outerjoin(SESSION, and_(SESSION.c.id == latest.c.session_id, SESSION.c.site_id == latest.c.site_id))
        .order_by(latest.c.id.desc())
    )
    return [
        StoredPageView(
            guid=row["id"],
            received_at=row["timestamp"] * MICROSECONDS + (row["msec"] or 0) * 1000,
            site_id=row["site_id"],
            url=row["url"] or "",
            title=row["page_title"] or "",
            session_is_open=row["open_session"] is not None,
        )
        for row in connection.execute(statement).mappings()
    ]
