"""When five drains are missing, and what is said of the last one."""

import pytest

from owa.clock import MICROSECONDS
from owa.db.jobs import Run
from owa.diagnosis.cadence import is_silent, patience, silence, stopped
from owa.diagnosis.words import duration, readable
from owa.settings import Settings
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
    ("oldest", "last", "since", "values", "expected"),
    [
        (None, None, None, SCHEDULED, False),  # nobody has drained, and nobody had to
        (None, None, 1_000, SCHEDULED, False),
        (10, None, None, SCHEDULED, False),
        (10.1, None, None, SCHEDULED, True),
        (None, run(10.1), None, SCHEDULED, True),  # whether something waits or not
        (None, run(10), None, SCHEDULED, False),
        (None, run(1_000), 10, SCHEDULED, False),  # who should drain has only just started
        (None, run(1_000), 11, SCHEDULED, True),
        (300, run(300), None, CRON, False),
        (None, run(301), None, CRON, True),
        (301, None, None, CRON, True),
        (1_000_000, run(1), None, SCHEDULED, False),
    ],
)
def test_five_drains_may_be_missing(
    oldest: float | None, last: Run | None, since: float | None, values: Settings, expected: bool
) -> None:
    moments = [None if seconds is None else ago(seconds) for seconds in (oldest, since)]
    assert is_silent(last, moments[0], moments[1], patience(values), NOW) is expected


def test_a_silence_in_words() -> None:
    assert silence("x", None, NOW) == "x: nobody has drained so far, although events wait."
    assert silence("x", run(125), NOW) == "x: nobody has drained for 2 min 5 s."


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
    assert by_run.text == "x is paused since 2026-11-21 11:59:57 UTC. The disk is full."
    assert by_note.text == "x is paused since 2026-11-21 11:59:00 UTC."
    assert both.text == "x is paused since 2026-11-21 11:59:00 UTC. The disk is full."
    assert failed.text == "The last drain of x failed. ValueError: no"
    assert all("cmd=processEventQueue" in finding.remedy for finding in (by_run, by_note, both, failed))


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\n  lines\t", "two lines"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202eright to left", "\\u202eright to left"),
        ("x" * 21, "x" * 20 + "…"),
    ],
)
def test_texts_from_outside_are_made_readable(text: str, expected: str) -> None:
    assert readable(text, 20) == expected
