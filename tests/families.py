"""What tests give the product to know besides the events of all families: goals, places, the module for dom streams."""

import json
from collections.abc import Mapping
from dataclasses import replace

from owa.contributions import Location, ProcessingContext, Site
from owa.db.modules import Switch
from tests import oracle

SWITCHES = {"domstream": Switch.ON}
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

_LOCATIONS = {address: Location(*place) for address, place in PLACES.items()}


def site(site_id: str, domain: str, goals: Mapping[int, oracle.Goal] | None = None) -> Site:
    """A site with these goals, as its settings hold them."""
    entries = [
        {"number": number, "name": f"Goal {number}", "match": match, "pattern": pattern, "value": value}
        for number, (match, pattern, value) in (goals or {}).items()
    ]
    return Site(site_id, domain, {"goals": json.dumps(entries)} if entries else {})


def located(context: ProcessingContext) -> ProcessingContext:
    """With a locator that knows `PLACES`."""
    return replace(context, locate=_LOCATIONS.get)
