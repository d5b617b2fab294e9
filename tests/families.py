"""What tests give the product to know besides the events of all families: goals, places, the module for dom streams.

Until these parts of the product have landed, `LANDED` is false: then only page views are tested, and only columns that
there are.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from owa.contributions import ProcessingContext, Site
from owa.db.metadata import METADATA
from owa.db.modules import Switch
from tests import oracle

LANDED = False

SWITCHES = {"domstream": Switch.ON} if LANDED else {}
"""Modules that events of some family need."""

PLACES: dict[str, oracle.Place] = {
    "192.0.2.1": ("Germany", "Bavaria", "Munich", "DE", "48.1", "11.6"),
    "192.0.2.2": ("germany", "bavaria", "MUNICH", "", "48.2", ""),
    "192.0.2.3": ("Japan", "", "", "JP", "", ""),
    "192.0.2.4": ("", "", "", "", "", ""),
    **{
        f"198.51.100.{number}": ("France", "", f"City {number % 9}", "FR", f"{number}.5", "")
        for number in range(0, 256, 3)
    },
}
"""Of the addresses that a locator knows."""


def site(site_id: str, domain: str, goals: Mapping[int, oracle.Goal] | None = None) -> Site:
    """A site with these goals, as its settings hold them."""
    entries = [
        {"number": number, "name": f"Goal {number}", "match": match, "pattern": pattern, "value": value}
        for number, (match, pattern, value) in (goals or {}).items()
    ]
    return Site(site_id, domain, {"goals": json.dumps(entries)} if entries else {})


def located(context: ProcessingContext) -> ProcessingContext:
    """With a locator that knows `PLACES`."""
    if not LANDED:
        return context
    contributions: Any = import_module("owa.contributions")
    known = {address: contributions.Location(*place) for address, place in PLACES.items()}
    extra: dict[str, Any] = {"locate": known.get}
    return replace(context, **extra)


def landed(expected: oracle.Tables) -> dict[str, list[oracle.Row]]:
    """Those of the rows that the product can have."""
    if LANDED:
        return expected.rows
    columns = {name: METADATA.tables[name].columns for name in expected.rows if name in METADATA.tables}
    return {
        name: [{column: row[column] for column in row if column in columns[name]} for row in expected.rows[name]]
        for name in columns
    }
