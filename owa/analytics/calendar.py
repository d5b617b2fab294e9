"""Calendar columns, in the configured time zone, in the forms that OWA's tables have."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Calendar:
    """A second, as the columns spell it."""

    year: int
    month: int
    """Year and month, such as 202611."""
    day: int
    yyyymmdd: int
    dayofweek: str
    """`Mon` to `Sun`."""
    weekday: int
    """0 (Sunday) to 6."""
    month_name: str
    """`Jan` to `Dec`."""
    dayofyear: int
    """0 to 365, as PHP counts."""
    weekofyear: int
    """ISO week, 1 to 53."""
    hour: int
    minute: int
    second: int


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=10_000)
def calendar(timestamp: int, zone: ZoneInfo) -> Calendar:
    """The calendar of `timestamp`, in seconds since the epoch."""
    at = datetime.fromtimestamp(timestamp, zone)
    return Calendar(
        year=at.year,
        month=at.year * 100 + at.month,
        day=at.day,
        yyyymmdd=(at.year * 100 + at.month) * 100 + at.day,
        dayofweek=_DAYS[at.weekday()],
        weekday=at.isoweekday() % 7,
        month_name=_MONTHS[at.month - 1],
        dayofyear=at.timetuple().tm_yday - 1,
        weekofyear=at.isocalendar().week,
        hour=at.hour,
        minute=at.minute,
        second=at.second,
    )
