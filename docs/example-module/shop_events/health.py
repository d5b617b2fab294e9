"""Whether baskets still come."""

from datetime import timedelta

from sqlalchemy import func, select

from owa.module_api import ModuleContext, Problem
from shop_events.baskets import BASKETS, day_of
from shop_events.settings import QUIET_DAYS


def check_baskets(context: ModuleContext) -> Problem | None:
    with context.database.reading() as connection:
        last = connection.execute(select(func.max(BASKETS.c.day))).scalar()
    today = day_of(context.clock.now())
    if last is None or today - last <= timedelta(context.settings[QUIET_DAYS]):
        return None
    return Problem(
        f"The last basket came on {last}.", "See whether the shop still sends events of the type shop.basket."
    )
