"""The charts of a queue, from what was noted of it each minute, and the same as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from owa.clock import MICROSECONDS
from owa.db.history import MINUTE, Sample
from owa.views.charts import Chart, Span, Values, count, draw, nice_seconds, seconds


@dataclass(frozen=True, slots=True)
class Point:
    """A line of the table."""

    at: int
    """Microseconds."""
    taken: float | None
    """Events per minute; None: nobody looked just before."""
    done: float | None
    depth: int
    oldest_age: int | None
    """Microseconds."""


@dataclass(frozen=True, slots=True)
class History:
    """How a queue was."""

    charts: tuple[Chart, ...]
    points: tuple[Point, ...]
    """The latest first."""


def history(samples: Sequence[Sample], span: Span, now: int) -> History:
    """Of the samples of one queue, one for each step of the span at most."""
    starts = span.starts(now // MINUTE)
    by_start = {sample.minute - sample.minute % span.step: sample for sample in samples}
    found = [_at(by_start, start, span.step) for start in starts]
    before = [by_start.get(start - span.step) or by_start.get(start - 2 * span.step) for start in starts]
    taken = [_rate(earlier, later, "taken") for earlier, later in zip(before, found, strict=True)]
    done = [_rate(earlier, later, "done") for earlier, later in zip(before, found, strict=True)]
    depth: Values = [sample.depth if sample else None for sample in found]
    age: Values = [(sample.oldest_age or 0) if sample else None for sample in found]
    charts = (
        draw("Events per minute", [("In", "in", taken), ("Out", "out", done)], starts, span, count),
        draw("Depth", [("Depth", "depth", depth)], starts, span, count),
        draw("Age of the oldest", [("Age", "age", age)], starts, span, seconds, nice_seconds),
    )
    points = tuple(
        _point(start, sample, came, went)
        for start, sample, came, went in zip(starts, found, taken, done, strict=True)
        if sample and start in by_start
    )
    return History(charts, points[::-1])


def _at(by_start: dict[int, Sample], start: int, step: int) -> Sample | None:
    """One that is missing between two others is no gap: samples are a minute apart, not one in each minute."""
    sample = by_start.get(start)
    return by_start.get(start + step) if sample is None and start - step in by_start else sample


def _point(start: int, sample: Sample, taken: float | None, done: float | None) -> Point:
    age = None if sample.oldest_age is None else sample.oldest_age * MICROSECONDS
    return Point(start * MINUTE, taken, done, sample.depth, age)


def _rate(earlier: Sample | None, later: Sample | None, figure: str) -> float | None:
    """Events per minute. What is discarded is no negative rate."""
    if earlier is None or later is None:
        return None
    change: int = getattr(later, figure) - getattr(earlier, figure)
    return max(0, change) / (later.minute - earlier.minute)
