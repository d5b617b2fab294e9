"""Calendar columns, against what PHP documents for the letters of `date`."""

from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owa.analytics.calendar import calendar
from tests import oracle

UTC = ZoneInfo("UTC")


def second(text: str, zone: ZoneInfo = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def test_all_columns() -> None:
    when = calendar(second("2026-11-21T13:18:51"), UTC)
    day = when.date
    assert (day.year, day.month, day.day, day.yyyymmdd) == (2026, 202611, 21, 20261121)
    assert (day.dayofweek, day.weekday, day.month_name) == ("Sat", 6, "Nov")
    assert (day.dayofyear, day.weekofyear) == (324, 47)
    assert (when.hour, when.minute, when.second) == (13, 18, 51)


@pytest.mark.parametrize(
    ("day", "dayofyear"),
    [("2026-01-01", 0), ("2026-12-31", 364), ("2024-12-31", 365), ("2024-02-29", 59), ("2026-03-01", 59)],
)
def test_days_of_the_year_count_from_0(day: str, dayofyear: int) -> None:
    """PHP `z`: "the day of the year (starting from 0)", 0 through 365."""
    assert calendar(second(day), UTC).date.dayofyear == dayofyear


@pytest.mark.parametrize(
    ("day", "week"),
    [("2026-01-01", 1), ("2027-01-01", 53), ("2027-01-04", 1), ("2024-12-30", 1), ("2023-01-01", 52)],
)
def test_weeks_are_those_of_iso_8601(day: str, week: int) -> None:
    """PHP `W`: "ISO 8601 week number of year, weeks starting on Monday"."""
    assert calendar(second(day), UTC).date.weekofyear == week


def test_weekdays_count_from_sunday() -> None:
    """PHP `w`: 0 (for Sunday) through 6 (for Saturday); `D`: Mon through Sun."""
    week = [calendar(second(f"2026-11-{day}"), UTC).date for day in range(22, 29)]
    assert [when.weekday for when in week] == [0, 1, 2, 3, 4, 5, 6]
    assert [when.dayofweek for when in week] == ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]


def test_months_have_english_names() -> None:
    """PHP `M`: Jan through Dec."""
    names = [calendar(second(f"2026-{month:02}-01"), UTC).date.month_name for month in range(1, 13)]
    assert names == ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def test_the_zone_decides_the_day() -> None:
    moment = second("2026-01-01T02:00:00")
    assert calendar(moment, ZoneInfo("Europe/Berlin")).date.yyyymmdd == 20260101
    assert calendar(moment, ZoneInfo("America/Los_Angeles")).date.yyyymmdd == 20251231


def test_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before, after = second("2026-03-29T00:59:59"), second("2026-03-29T01:00:00")
    assert (calendar(before, berlin).hour, calendar(after, berlin).hour) == (1, 3)
    twice = [second("2026-10-25T00:30:00"), second("2026-10-25T01:30:00")]
    assert [calendar(moment, berlin).hour for moment in twice] == [2, 2]


@given(st.integers(0, 2**31 - 1), st.sampled_from(["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"]))
def test_columns_are_those_of_strftime(moment: int, name: str) -> None:
    when, expected = calendar(moment, ZoneInfo(name)), oracle.calendar(moment, ZoneInfo(name))
    ours = asdict(when.date) | when._asdict()
    assert {column: ours[column] for column in expected if column != "timestamp"} == {
        column: value for column, value in expected.items() if column != "timestamp"
    }
