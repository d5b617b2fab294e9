"""Charts: scales, lines, gaps and words."""

import re

import pytest

from owa.db.history import MINUTE, Sample
from owa.views.charts import (
    BOTTOM,
    DAY,
    HEIGHT,
    HOUR,
    LEFT,
    RIGHT,
    TOP,
    WEEK,
    WIDTH,
    Chart,
    Span,
    Values,
    count,
    draw,
    nice_seconds,
    nice_step,
    seconds,
)
from owa.views.histories import history

NOW = 29_921_050 * MINUTE + 30_000_000
"""12:10:30."""


def chart(values: Values, span: Span = HOUR) -> Chart:
    starts = span.starts(NOW // MINUTE)
    return draw("Depth", [("Depth", "depth", [*values, *[None] * (len(starts) - len(values))])], starts, span, count)


def points(path: str) -> list[tuple[str, float, float]]:
    return [(kind, float(x), float(y)) for kind, x, y in re.findall(r"([ML])([\d.]+) ([\d.]+)", path)]


@pytest.mark.parametrize(
    ("greatest", "step"),
    [(0, 1), (0.2, 1), (4, 1), (5, 2), (8, 2), (9, 5), (41, 20), (4_000, 1_000), (4_001, 2_000), (10**9, 5 * 10**8)],
)
def test_marks_are_round_numbers(greatest: float, step: float) -> None:
    assert nice_step(greatest) == step


@pytest.mark.parametrize(
    ("greatest", "told"),
    [(0, "1 s"), (3, "1 s"), (90, "30 s"), (150, "1 min"), (3_000, "15 min"), (9_000, "1 h"), (86_400 * 3, "1 d")],
)
def test_marks_of_time_are_whole_units(greatest: float, told: str) -> None:
    assert seconds(nice_seconds(greatest)) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (0.25, "0.2"), (7, "7"), (950, "950"), (999.9, "1k"), (1_234, "1.2k"), (35_000, "35k"), (1.2e6, "1.2M")],
)
def test_numbers_are_short(value: float, told: str) -> None:
    assert count(value) == told


def test_lines_stay_in_the_plot_and_reach_its_corners() -> None:
    starts = HOUR.starts(NOW // MINUTE)
    drawn = draw("Depth", [("Depth", "depth", [0.0] * 59 + [4_000.0])], starts, HOUR, count)
    found = points(drawn.lines[0].path)
    assert found[0] == ("M", LEFT, HEIGHT - BOTTOM)
    assert found[-1] == ("L", WIDTH - RIGHT, TOP)
    assert [tick.label for tick in drawn.vertical] == ["0", "1k", "2k", "3k", "4k"]
    assert [tick.label for tick in drawn.horizontal] == ["11:15", "11:30", "11:45", "12:00"]


def test_nothing_is_drawn_where_nobody_looked() -> None:
    kinds = [kind for kind, _, _ in points(chart([1, 2, None, 3, None, 4, 5]).lines[0].path)]
    assert kinds == ["M", "L", "M", "M", "L"]


def test_it_is_told_in_words() -> None:
    found = chart([1, 7_000, None, 3])
    assert found.description == "The last hour. Depth: at most 7k, last 3."
    assert found.lines[0].last == "3"
    assert not found.is_empty


def test_without_values_there_are_axes_all_the_same() -> None:
    found = chart([])
    assert found.is_empty
    assert found.description == "The last hour. Nothing was noted."
    assert [tick.label for tick in found.vertical] == ["0", "1"]


@pytest.mark.parametrize("span", [HOUR, DAY, WEEK], ids=lambda span: span.name)
def test_a_span_ends_now_and_has_few_points(span: Span) -> None:
    starts = span.starts(NOW // MINUTE)
    assert starts[-1] <= NOW // MINUTE < starts[-1] + span.step
    assert len(starts) * span.step == span.minutes
    assert len(starts) <= 100
    assert 3 <= len(chart([], span).horizontal) <= 8


def sample(minutes_ago: int, taken: int, done: int) -> Sample:
    return Sample("q", 1, NOW // MINUTE - minutes_ago, max(0, taken - done), 5, taken, done)


def test_rates_of_a_queue() -> None:
    found = history([sample(3, 10, 10), sample(2, 40, 30), sample(1, 30, 30), sample(0, 36, 34)], HOUR, NOW)
    assert [(point.taken, point.done) for point in found.points] == [(6, 4), (0, 0), (30, 20), (None, None)]


def test_one_missing_minute_is_no_gap_and_two_are() -> None:
    one = history([sample(4, 0, 0), sample(3, 10, 10), sample(1, 30, 30), sample(0, 40, 40)], HOUR, NOW)
    two = history([sample(4, 0, 0), sample(3, 10, 10), sample(0, 40, 40)], HOUR, NOW)
    assert one.charts[1].lines[0].path.count("M") == 1
    assert two.charts[1].lines[0].path.count("M") == 2
    assert [point.taken for point in one.points] == [10, 10, 10, None]
    assert [point.taken for point in two.points] == [None, 10, None]
