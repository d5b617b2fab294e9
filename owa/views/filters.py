"""How values are shown in templates."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones

from owa.clock import MICROSECONDS


def moment(at: int | None) -> str:
    """A moment in microseconds, in UTC to the second; a dash for none."""
    if at is None:
        return "–"
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


@cache
def time_zones() -> list[str]:
    """The names that the IANA database has here, without those that only old systems use."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]
