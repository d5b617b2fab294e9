"""Calendar columns, in the configured time zone, in the forms that OWA's tables have."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Day:
    """A day, as the columns spell it."""

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
    values: tuple[Any, ...]
    """Of `DATE_COLUMNS`."""


class Calendar(NamedTuple):
    """A second, as the columns spell it."""

    date: Day
    hour: int
    minute: int
    second: int


DATE_COLUMNS = ("yyyymmdd", "year", "month", "day", "dayofweek", "dayofyear", "weekofyear")
"""Columns that all facts have."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def calendar(timestamp: int, zone: ZoneInfo) -> Calendar:
    """The calendar of `timestamp`, in seconds since the epoch."""
    at = datetime.fromtimestamp(timestamp, zone)
    return Calendar(_day(at.year, at.month, at.day), at.hour, at.minute, at.second)


@lru_cache(maxsize=1_000)
def _day(year: int, month: int, day: int) -> Day:
    at = date(year, month, day)
    yyyymm, dayofweek = year * 100 + month, _DAYS[at.weekday()]
    yyyymmdd, dayofyear, week = yyyymm * 100 + day, at.timetuple().tm_yday - 1, at.isocalendar().week
    return Day(
        year=year,
        month=yyyymm,
        day=day,
        yyyymmdd=yyyymmdd,
        dayofweek=dayofweek,
        weekday=at.isoweekday() % 7,
        month_name=_MONTHS[month - 1],
        dayofyear=dayofyear,
        weekofyear=week,
        values=(yyyymmdd, year, yyyymm, day, dayofweek, dayofyear, week),
    )
