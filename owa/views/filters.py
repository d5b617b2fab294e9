"""How values are shown in templates."""

from functools import cache
from zoneinfo import available_timezones

from owa.diagnosis.words import duration, moment


@cache
def time_zones() -> list[str]:
    """The names that the IANA database has here, without those that only old systems use."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]


def number(count: int) -> str:
    """With a comma between thousands."""
    return f"{count:,}"


def words(value: object) -> str:
    """A JSON value, as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", []):
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


__all__ = ["FILTERS", "duration", "moment", "number", "time_zones", "words"]

FILTERS = {"duration": duration, "moment": moment, "number": number, "words": words}
"""By the name that templates call them."""
