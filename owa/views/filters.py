"""How values are shown in templates."""

import re
from functools import cache
from zoneinfo import available_timezones

from markupsafe import Markup

from owa.clock import MICROSECONDS
from owa.diagnosis.words import duration, moment
from owa.masking import brief, masked_text


@cache
def time_zones() -> list[str]:
    """The names that the IANA database has here, without those that only old systems use."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]


def number(count: int) -> str:
    """With a comma between thousands."""
    return f"{count:,}"


def counted(count: int, name: str) -> str:
    """With what is counted: a name in the plural, or one that has no plural, such as `processed`."""
    return f"{count:,} {name.removesuffix('s') if count == 1 else name}"


def words(value: object) -> str:
    """A JSON value, as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", []):
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def breakable(name: str) -> Markup:
    """A dotted name, escaped: where there is no room for it, its line ends behind a dot."""
    return Markup("<wbr>").join(re.findall(r"[^.]*\.|[^.]+", name))


def in_seconds(length: int | None) -> str:
    """A length of time in microseconds as whole seconds; a dash for none."""
    return "–" if length is None else f"{max(0, length) // MICROSECONDS:,} s"


__all__ = ["FILTERS", "duration", "in_seconds", "moment", "number", "time_zones", "words"]

FILTERS = {
    "breakable": breakable,
    "counted": counted,
    "brief": brief,
    "duration": duration,
    "in_seconds": in_seconds,
    "masked": masked_text,
    "moment": moment,
    "number": number,
    "words": words,
}
"""By the name that templates call them."""
