"""Families of facts: which type of event makes which table's rows, and the columns that it alone has."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from sqlalchemy import Table

from owa.analytics import tables
from owa.analytics.fact import Derivation, Fact, shared_columns
from owa.clock import MICROSECONDS
from owa.contributions import FactFamily
from owa.db.bulk import BulkStatement, insert_new
from owa.db.metadata import METADATA
from owa.events import LARGEST_ID
from owa.identity import NOT_SET, text_id

Row = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """Events that are one row each, inserted once."""

    event_type: str
    table: Table
    own_columns: Callable[[Fact, Derivation], Row]
    in_session: bool = True
    """Whether its events belong to a session, and wait until that is open."""
    reaches_goals: bool = True

    def row(self, fact: Fact, derivation: Derivation) -> Row:
        """The whole row."""
        return {**self._empty_row, **shared_columns(fact), **self.own_columns(fact, derivation)}

    @cached_property
    def insert(self) -> BulkStatement:
        return insert_new(self.table, self.table.columns.keys())

    @cached_property
    def _empty_row(self) -> Row:
        return dict.fromkeys(self.table.columns.keys())


def contributed(family: FactFamily) -> Family:
    """What a module contributes, as one of ours. It reaches no goals: the module may be off."""
    own = partial(_contributed_columns, family)
    return Family(family.event_type, METADATA.tables[family.table], own, reaches_goals=False)


def _contributed_columns(family: FactFamily, fact: Fact, _derivation: Derivation) -> Row:
    return dict(family.columns(fact.values, fact.url))


def _action(fact: Fact, _derivation: Derivation) -> Row:
    values = fact.values
    return {
        "action_group": values.text("action_group") or None,
        "action_name": values.text("action_name") or None,
        "action_label": values.text("action_label") or None,
        "numeric_value": values.integer("numeric_value"),
    }


def _click(fact: Fact, derivation: Derivation) -> Row:
    values = fact.values
    target = derivation.address(fact.event.site_id, values.text("target_url"))
    x, y = values.integer("click_x"), values.integer("click_y")
    return {
        **_time_of_day(fact),
        "target_url": target or None,
        "target_id": text_id(target) if target else None,
        "click_x": x,
        "click_y": y,
        "position": _position(x, y),
        **{name: values.integer(name) for name in ("page_width", "page_height", "dom_element_x", "dom_element_y")},
        **{name: values.text(name) or NOT_SET for name in _ELEMENT},
        "dom_element_parent_id": values.text("dom_element_parent_id") or None,
        "host": fact.whereabouts.host,
    }


def _feed_request(fact: Fact, _derivation: Derivation) -> Row:
    values = fact.values
    return {
        **_time_of_day(fact),
        "feed_reader_guid": values.text("feed_reader_guid") or None,
        "subscription_id": values.identifier("feed_subscription_id"),
        "feed_format": values.text("feed_format") or None,
        "host": fact.whereabouts.host,
        "os": fact.agent.parsed.operating_system,
    }


def _time_of_day(fact: Fact) -> Row:
    when = fact.calendar
    return {
        "hour": when.hour,
        "minute": when.minute,
        "second": when.second,
        "msec": fact.event.received_at % MICROSECONDS // 1000,
    }


def _position(x: int | None, y: int | None) -> int | None:
    """The digits of both, one after the other, as OWA has it."""
    if x is None or y is None or x < 0 or y < 0:
        return None
    position = int(f"{x}{y}")
    return position if position <= LARGEST_ID else None


_ELEMENT = tuple(f"dom_element_{name}" for name in ("name", "id", "value", "tag", "text", "class"))

FAMILIES = (
    Family("track.action", tables.ACTION, _action),
    Family("dom.click", tables.CLICK, _click),
    Family("base.feed_request", tables.FEED_REQUEST, _feed_request, in_session=False, reaches_goals=False),
)
"""The core's own, but for page views and orders, which are more than a row each."""
