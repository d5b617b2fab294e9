"""Charts of time as SVG: where lines, ticks and gaps stand. The template `admin/_charts.jinja2` draws them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 10, 24
"""Space around the plot, in units of the drawing."""

TICKS = 4
"""Steps of the vertical axis, at most."""

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    """In units of the drawing."""
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A series, drawn."""

    name: str
    style: str
    """A class of the style sheet."""
    path: str
    """Its lines, one for each run of values without a gap; empty: there are no values."""
    last: str
    """The last value, in words."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its description."""

    title: str
    description: str
    lines: tuple[Line, ...]
    horizontal: tuple[Tick, ...]
    vertical: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM

    @property
    def is_empty(self) -> bool:
        return not any(line.path for line in self.lines)


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a chart shows."""

    name: str
    minutes: int
    step: int
    """Minutes that become one point."""
    tick: int
    """Minutes between two marks."""
    form: str
    """How a mark is written, for `strftime`."""

    def starts(self, minute: int) -> list[int]:
        """The minutes at which its points start, when it ends with that minute."""
        last = minute - minute % self.step
        count = self.minutes // self.step
        return [last - self.step * (count - 1 - number) for number in range(count)]


HOUR = Span("hour", 60, 1, 15, "%H:%M")
DAY = Span("day", 1_440, 15, 360, "%H:%M")
WEEK = Span("week", 10_080, 120, 1_440, "%a")
SPANS = {span.name: span for span in (HOUR, DAY, WEEK)}


def draw(
    title: str,
    series: Sequence[tuple[str, str, Values]],
    starts: Sequence[int],
    span: Span,
    told: Callable[[float], str],
    nice: Callable[[float], float] | None = None,
) -> Chart:
    """A chart. `series`: name, class, and a value for each of `starts` (None: nobody looked). `told`: a value in words,
    short enough for an axis. `nice`: the distance of the marks of the vertical axis, for its greatest value; else
    `nice_step`."""
    step = (nice or nice_step)(_greatest(series))
    top = step * max(1, math.ceil(_greatest(series) / step - 1e-9))
    lines = tuple(_line(name, style, values, top, told) for name, style, values in series)
    steps = round(top / step)
    vertical = tuple(Tick(_y(step * number, top), told(step * number)) for number in range(steps + 1))
    return Chart(title, _described(series, span, told), lines, _times(starts, span), vertical)


def nice_step(greatest: float) -> float:
    """The distance of the marks of an axis that goes from 0 to at least that value: 1, 2 or 5 times a power of ten,
    and never below 1."""
    if greatest <= TICKS:
        return 1
    rough = greatest / TICKS
    power: float = 10 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * (1 - 1e-9))


def nice_seconds(greatest: float) -> float:
    """The same for seconds: marks are whole seconds, minutes, hours or days."""
    for unit, most in ((1, 60), (60, 3_600), (3_600, 86_400)):
        for number in (1, 2, 5, 10, 15, 30):
            if unit * number < most and unit * number * TICKS >= greatest:
                return unit * number
    return 86_400 * nice_step(greatest / 86_400)


def _greatest(series: Sequence[tuple[str, str, Values]]) -> float:
    return max((value for *_, values in series for value in values if value is not None), default=0)


def _line(name: str, style: str, values: Values, top: float, told: Callable[[float], str]) -> Line:
    parts, is_drawing = [], False
    for number, value in enumerate(values):
        if value is None:
            is_drawing = False
            continue
        place = f"{_x(number, len(values)):.1f} {_y(value, top):.1f}"
        parts.append(f"L{place}" if is_drawing else f"M{place}h.01")  # a point alone is a dot
        is_drawing = True
    last = next((value for value in reversed(values) if value is not None), None)
    return Line(name, style, "".join(parts), "–" if last is None else told(last))


def _times(starts: Sequence[int], span: Span) -> tuple[Tick, ...]:
    return tuple(
        Tick(_x(number, len(starts)), datetime.fromtimestamp(minute * 60, UTC).strftime(span.form))
        for number, minute in enumerate(starts)
        if minute % span.tick == 0
    )


def _described(series: Sequence[tuple[str, str, Values]], span: Span, told: Callable[[float], str]) -> str:
    sentences = []
    for name, _style, values in series:
        known = [value for value in values if value is not None]
        if known:
            sentences.append(f"{name}: at most {told(max(known))}, last {told(known[-1])}.")
    return f"The last {span.name}. " + (" ".join(sentences) or "Nothing was noted.")


def _x(number: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (number / max(1, count - 1))


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, value / top)


def count(value: float) -> str:
    """A number of at most four characters: 950, 1.2k, 35k, 1.2M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            return _short(value / size) + unit
    return _short(value)


def seconds(value: float) -> str:
    """A number of seconds, in its greatest unit: 40 s, 5 min, 1.5 h, 2 d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= size:
            return f"{_short(value / size)} {unit}"
    return f"{value:.0f} s"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")
