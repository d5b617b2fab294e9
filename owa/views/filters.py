"""How values are shown in templates."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones

from owa.clock import MICROSECONDS

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def moment(at: int | None) -> str:
    """A moment in microseconds, in UTC to the second; a dash for none."""
    if at is None:
        return "–"
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


@cache
def time_zones() -> list[str]:
    """The names that the IANA database has here, without those that only old systems use."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]


def duration(length: int | None) -> str:
    """A length of time in microseconds, in its two greatest units at most; a dash for none."""
    if length is None:
        return "–"
    if length < 10 * MICROSECONDS:
        return f"{max(0, length) / MICROSECONDS:.2f} s"
    seconds = length // MICROSECONDS
    for number, (unit, size) in enumerate(_UNITS):
        if seconds >= size:
            smaller, part = [*_UNITS, ("s", 1)][number + 1]
            rest = seconds % size // part
            return f"{seconds // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"


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


def in_seconds(length: int | None) -> str:
    """A length of time in microseconds as whole seconds; a dash for none."""
    return "–" if length is None else f"{max(0, length) // MICROSECONDS:,} s"


FILTERS = {"duration": duration, "in_seconds": in_seconds, "moment": moment, "number": number, "words": words}
"""By the name that templates call them."""
