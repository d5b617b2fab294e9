"""Counts baskets: a row for each site and day."""

from datetime import UTC, date, datetime

from sqlalchemy import Column, Date, Integer, MetaData, String, Table

from owa.module_api import MICROSECONDS, Event, HandlerContext, Statement, dialect_insert
from shop_events.settings import LEAST

BASKETS = Table(
    "shop_events_baskets",
    MetaData(),
    Column("site_id", String(255), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("baskets", Integer, nullable=False),
    Column("things", Integer, nullable=False),
)


def count_basket(event: Event, context: HandlerContext) -> list[Statement]:
    """Raises when the shop has sent no number: the event is kept, with the error."""
    things = int(event.properties["things"])
    if things < context.settings[LEAST]:
        return []
    insert = dialect_insert(context.reading.dialect.name)(BASKETS)
    values = {"site_id": event.site_id, "day": day_of(event.received_at), "baskets": 1, "things": things}
    count = {name: BASKETS.c[name] + insert.excluded[name] for name in ("baskets", "things")}
    return [insert.values(values).on_conflict_do_update(index_elements=["site_id", "day"], set_=count)]


def day_of(moment: int) -> date:
    """The day of that moment (microseconds), in UTC."""
    return datetime.fromtimestamp(moment / MICROSECONDS, UTC).date()
