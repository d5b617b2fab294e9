"""What the tables must be: a fold over the set of events, as naive as can be. Written from the semantics, not from the
product, of which it imports nothing: sort, loop, compare.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.oracle import families
from tests.oracle.calendar import calendar
from tests.oracle.commerce import Order, follow, orders
from tests.oracle.dimensions import dimensions
from tests.oracle.events import (
    ACTION,
    CLICK,
    DOM_STREAM,
    FEED_REQUEST,
    PAGE_VIEW,
    Event,
    Fact,
    Row,
    Session,
)
from tests.oracle.given import Agent, Given, Goal, Place
from tests.oracle.sessions import entries, session
from tests.oracle.visitors import visitor

__all__ = ["Agent", "Event", "Given", "Goal", "Place", "Row", "Tables", "calendar", "tables"]

_ONE_ROW_EACH = {
    "owa_request": (PAGE_VIEW, families.request),
    "owa_action_fact": (ACTION, families.action),
    "owa_click": (CLICK, families.click),
    "owa_feed_request": (FEED_REQUEST, families.feed_request),
    "owa_domstream": (DOM_STREAM, families.dom_stream),
}


@dataclass
class Tables:
    """The whole rows that must be there when everything has arrived, and been processed."""

    rows: dict[str, list[Row]]
    """By table, ordered by id (and site)."""
    waiting: list[int]
    """Guids of the events that were given up, since no page view opens their session, ordered."""
    coerced: Counter[tuple[str, str]]
    """How often, at which site, which property was of the wrong type."""


def tables(events: Iterable[Event], given: Given) -> Tables:
    """The tables that these events must make; each counts once, whatever their order."""
    distinct = {event["guid"]: event for event in events}
    facts = sorted((Fact(event, given) for event in distinct.values()), key=lambda fact: fact.key)
    opened = entries([fact for fact in facts if fact.is_page_view], given)
    bought = orders([fact for fact in facts if fact.is_transaction])
    entry_rows = {identity: families.request(entry) for identity, entry in opened.items()}
    for order in bought:
        follow(order, entry_rows)
    rows = {
        **{
            name: [row_of(fact) for fact in facts if fact.event_type == event_type]
            for name, (event_type, row_of) in _ONE_ROW_EACH.items()
        },
        "owa_commerce_transaction_fact": [order.row for order in bought],
        "owa_commerce_line_item_fact": [item for order in bought for item in order.items],
        "owa_session": _sessions(facts, opened, bought, given),
        "owa_visitor": _visitors(facts, opened),
        **dimensions(facts, given),
    }
    return Tables(
        rows={name: sorted(table, key=lambda row: (row["id"], row.get("site_id", ""))) for name, table in rows.items()},
        waiting=[] if given.adopt else sorted(fact.guid for fact in facts if fact.waits and fact.session not in opened),
        coerced=Counter((fact.site_id, name) for fact in facts for name in fact.values.bad),
    )


def _sessions(facts: list[Fact], opened: dict[Session, Fact], bought: list[Order], given: Given) -> list[Row]:
    rows = []
    for identity, entry in opened.items():
        own = [fact for fact in facts if fact.session == identity]
        views = [fact for fact in own if fact.is_page_view]
        rows.append(session(entry, views, [order for order in bought if order.fact.session == identity], own, given))
    return rows


def _visitors(facts: list[Fact], opened: dict[Session, Fact]) -> list[Row]:
    return [
        visitor([fact for fact in facts if fact.visitor_id == visitor_id], opened)
        for visitor_id in {fact.visitor_id for fact in facts}
    ]
