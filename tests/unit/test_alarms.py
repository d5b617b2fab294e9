"""Alarms of the dashboard."""

import pytest

from owa.clock import MICROSECONDS
from owa.db.jobs import Run
from owa.settings import Settings
from owa.views.alarms import drift, is_neglected, neglected, skewed, stopped
from owa.views.filters import duration
from tests.page_views import settings

NOW = 1_795_262_400 * MICROSECONDS
SCHEDULED = settings(OWA_DRAIN_INTERVAL="2")
CRON = settings(OWA_SCHEDULER="0")


def run(ended: float, result: str = "done", detail: str = "") -> Run:
    """One of 3 seconds that ended so many seconds ago."""
    started_at = NOW - round((ended + 3) * MICROSECONDS)
    return Run("drain", 1, "here:1", "scheduler", started_at, 3 * MICROSECONDS, result, {}, detail)


def ago(seconds: float) -> int:
    return NOW - round(seconds * MICROSECONDS)


@pytest.mark.parametrize(
    ("oldest", "last", "values", "expected"),
    [
        (None, None, SCHEDULED, False),
        (10, None, SCHEDULED, False),
        (10.1, None, SCHEDULED, True),
        (11, run(11), SCHEDULED, True),
        (11, run(10), SCHEDULED, False),
        (1_000_000, run(1), SCHEDULED, False),
        (300, run(400), CRON, False),
        (301, run(301), CRON, True),
        (301, run(300), CRON, False),
    ],
)
def test_five_drains_may_be_missing(oldest: float | None, last: Run | None, values: Settings, expected: bool) -> None:
    assert is_neglected(None if oldest is None else ago(oldest), last, values, NOW) is expected


def test_the_remedy_depends_on_who_should_drain() -> None:
    assert "cmd=processEventQueue" in neglected("x", None, CRON, NOW).text
    alarm = neglected("x", run(125), SCHEDULED, NOW)
    assert alarm.title == "x: nobody has drained for 2 min 5 s, although events wait."
    assert "every 2 s" in alarm.text


def test_a_pause_says_since_when_and_why() -> None:
    assert stopped("x", None, None) is None
    assert stopped("x", run(1), None) is None
    by_run = stopped("x", run(0, "paused", "The disk is full."), None)
    by_note = stopped("x", run(0), ago(60))
    both = stopped("x", run(0, "paused", "The disk is full."), ago(60))
    failed = stopped("x", run(0, "failed", "ValueError: no"), None)
    assert by_run
    assert by_note
    assert both
    assert failed
    assert (by_run.title, by_run.text) == ("x is paused since 2026-11-21 11:59:57 UTC.", "The disk is full.")
    assert by_note.title == both.title == "x is paused since 2026-11-21 11:59:00 UTC."
    assert both.text == "The disk is full."
    assert "ValueError: no" in failed.text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0.00 s"),
        (0.123, "0.12 s"),
        (59, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3_600, "1 h"),
        (86_399, "23 h 59 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert duration(round(seconds * MICROSECONDS)) == expected


def test_no_duration() -> None:
    assert duration(None) == "–"


def test_a_drift_says_which_way() -> None:
    assert drift([-3, 2, -1], NOW).title.startswith("The ledger does not balance: 4 missing and 2 too many, as of 2026")


def test_a_clock_says_which_way() -> None:
    assert skewed(7, 90 * MICROSECONDS).title == "The clock of server 7 is 1 min 30 s behind the others’."
    assert "ahead of" in skewed(7, -90 * MICROSECONDS).title
