"""From which depth or age on a queue is worth a warning: `depth:1000,age:60`."""

from collections.abc import Mapping
from dataclasses import dataclass

from owa.errors import UsageError
from owa.settings import did_you_mean

FIGURES = {"depth": "depth", "age": "oldest_seconds"}
"""What may be limited, and under which name the status of a queue has it."""

MOST = 10**15


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of one level."""

    limits: Mapping[str, int]

    def reached(self, queues: Mapping[str, Mapping[str, int | None]]) -> list[str]:
        """What is at a limit or over it, a sentence each. `queues`: figures of each queue, by name. Events that wait
        for their session are no trouble, and not counted."""
        return [
            f"{queue}: {name} {value} has reached {limit}."
            for queue, figures in queues.items()
            for name, limit in self.limits.items()
            if (value := _figure(figures, name)) is not None and value >= limit
        ]


def _figure(figures: Mapping[str, int | None], name: str) -> int | None:
    """Without what waits: the depth of the rest, and the age of its oldest."""
    value, waiting = figures.get(FIGURES[name]), figures.get("waiting") or 0
    if value is None or not waiting:
        return value
    return value - waiting if name == "depth" else figures.get("oldest_due_seconds")


def parse_thresholds(name: str, text: str) -> Thresholds:
    """The thresholds that an argument of that name gives; empty: none. Raises `UsageError`."""
    limits: dict[str, int] = {}
    for word in text.split(",") if text else ():
        figure, separator, number = word.partition(":")
        figure = figure.strip()
        if figure not in FIGURES:
            hint = did_you_mean(figure, FIGURES)
            raise UsageError(f"{name}={text}: there is no {figure!r}{hint}", _such_as(name))
        number = number.strip()
        if not separator or not (number.isascii() and number.isdigit()) or int(number[:20]) > MOST:
            raise UsageError(f"{name}={text}: {figure} wants a whole number of at least 0.", _such_as(name))
        if figure in limits:
            raise UsageError(f"{name}={text}: {figure} is given twice.", "Leave one out.")
        limits[figure] = int(number)
    return Thresholds(limits)


def _such_as(name: str) -> str:
    return f"Such as {name}=depth:1000,age:60: so many events, or so many seconds that the oldest has waited."
