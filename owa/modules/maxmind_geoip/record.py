"""Reads a location off a record, in the layout of MaxMind's and DB-IP's databases of cities and countries."""

from math import isfinite
from typing import Any

from owa.module_api import Location

LONGEST = 255
"""Characters of a name."""

DECIMALS = 5
"""Of degrees: a metre. Some databases have rounding errors behind them."""


def location_of(record: Any) -> Location | None:
    """What of a location the record has, in English; None: nothing. It may be of any shape."""
    country = _part(record, "country")
    subdivisions = _part(record, "subdivisions")
    state = subdivisions[0] if isinstance(subdivisions, list) and subdivisions else None
    place = _part(record, "location")
    found = Location(
        country=_name(country),
        state=_name(state),
        city=_name(_part(record, "city")),
        country_code=_text(_part(country, "iso_code")),
        latitude=_degrees(_part(place, "latitude"), 90),
        longitude=_degrees(_part(place, "longitude"), 180),
    )
    return found if found != Location() else None


def _name(part: Any) -> str:
    return _text(_part(_part(part, "names"), "en"))


def _part(record: Any, key: str) -> Any:
    return record.get(key) if isinstance(record, dict) else None


def _text(value: Any) -> str:
    """One line, without what no database keeps."""
    if not isinstance(value, str):
        return ""
    return " ".join("".join(one if one.isprintable() else " " for one in value[:LONGEST]).split())


def _degrees(value: Any, most: int) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or abs(value) > most:
        return ""
    return str(round(float(value), DECIMALS) + 0.0)  # not -0.0
