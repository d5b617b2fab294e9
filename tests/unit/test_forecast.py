"""When a queue will be empty."""

import pytest

from owa.db.history import MINUTE, Sample
from owa.db.pauses import Pause
from owa.processing.forecast import Forecast, Outlook, Rates, forecast, rates
from owa.views.queue_lines import Standing, outlook, words

NOW = 29_921_040 * MINUTE + 1_000_000
"""12:00:01."""


def samples(*taken_and_done: tuple[int, int], minutes_ago: int = 0, step: int = 1) -> list[Sample]:
    """The last one was so many minutes ago."""
    last = NOW // MINUTE - minutes_ago
    count = len(taken_and_done)
    return [
        Sample("q", 1, last - step * (count - 1 - number), taken - done, None, taken, done)
        for number, (taken, done) in enumerate(taken_and_done)
    ]


def test_rates_are_differences() -> None:
    found = samples((100, 90), (130, 100), (160, 110), (220, 150))
    assert rates(found, NOW) == Rates(taken=40, done=20)


def test_what_is_discarded_is_no_negative_rate() -> None:
    found = samples((1_000, 0), (1_010, 5), (110, 10), (120, 15))  # 900 were discarded
    assert rates(found, NOW) == Rates(taken=20 / 3, done=5)


@pytest.mark.parametrize(
    "found",
    [
        [],
        samples((1, 1)),
        samples((1, 1), (2, 2), (3, 3)),
        samples((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), minutes_ago=20),
    ],
    ids=["none", "one", "too short", "too old"],
)
def test_too_little_history(found: list[Sample]) -> None:
    assert rates(found, NOW) is None


def test_gaps_do_not_hide_what_was_done_in_them() -> None:
    assert rates(samples((0, 0), (50, 50), step=5), NOW) == Rates(10, 10)


@pytest.mark.parametrize(
    ("depth", "found", "expected"),
    [
        (0, None, "empty"),
        (0, Rates(5, 0), "empty"),
        (7, None, "too little history"),
        (7, Rates(0, 0), "not moving"),
        (7, Rates(1, 0), "grows: never at this rate"),
        (700, Rates(5, 5), "grows: never at this rate"),
        (700, Rates(6, 5), "grows: never at this rate"),
        (700, Rates(5, 15), "empty at 13:10"),
        (5, Rates(100, 100), "empty at 12:00"),  # a minute's work is no backlog
        (1_440, Rates(0, 1), "empty on 2026-11-22 at 12:00"),
        (10**9, Rates(0, 1), "grows: never at this rate"),  # in two thousand years
    ],
)
def test_forecast(depth: int, found: Rates | None, expected: str) -> None:
    assert words(forecast(depth, found, NOW), NOW) == expected


def test_what_waits_for_other_events_is_not_stuck() -> None:
    assert outlook(3, Standing(3), Rates(0, 0), NOW) == "waits for other events"
    assert outlook(4, Standing(3), Rates(0, 0), NOW) == "not moving, but for 3 that wait for other events"


def test_a_forecast_without_a_moment() -> None:
    assert forecast(1, Rates(0, 0), NOW) == Forecast(Outlook.STANDS)


def test_what_is_not_drained_is_not_forecast() -> None:
    """10 a minute go: what waits, and what nobody can deliver, is not among them."""
    alone = outlook(20, Standing(), Rates(0, 10), NOW)
    assert outlook(150, Standing(100, 30), Rates(0, 10), NOW) == (
        f"{alone}, but for 100 that wait for other events and 30 whose event handler is off"
    )
    assert outlook(30, Standing(0, 30), Rates(0, 10), NOW) == "stays: 30 whose event handler is off"
    pause = Pause("queue", "processing", NOW, "boss")
    assert outlook(20, Standing(pause=pause), Rates(0, 10), NOW).startswith("paused since 20")
