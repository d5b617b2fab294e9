"""When a queue will be empty, judged by its last quarter of an hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from owa.clock import MICROSECONDS
from owa.db.history import MINUTE, Sample

WINDOW = 15
"""Minutes that are looked at."""

LEAST = 3
"""Minutes that must lie between the first and the last sample: less is chance."""

FAR = 366 * 86_400 * MICROSECONDS
"""What lies farther off is called never."""


class Outlook(StrEnum):
    """What will become of a queue."""

    EMPTY = "empty"
    EMPTIES = "empties"
    """At the rates of now: see `Forecast.at`."""
    GROWS = "grows"
    """It does not get empty at the rates of now."""
    STANDS = "stands"
    """Nothing has left it."""
    UNKNOWN = "unknown"
    """There are too few samples."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What came and went, in events per minute."""

    taken: float
    done: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What will become of a queue, and when."""

    outlook: Outlook
    at: int | None = None
    """When it will be empty, in microseconds."""


def rates(samples: Sequence[Sample], now: int) -> Rates | None:
    """Of the last minutes (`WINDOW`); None: there are too few samples. What vanishes without being done, because
    somebody discards it, counts neither way. `now`: microseconds."""
    recent = [sample for sample in samples if sample.minute >= now // MINUTE - WINDOW]
    if len(recent) < 2 or recent[-1].minute - recent[0].minute < LEAST:
        return None
    pairs = list(pairwise(recent))
    minutes = recent[-1].minute - recent[0].minute
    taken = sum(max(0, later.taken - earlier.taken) for earlier, later in pairs)
    return Rates(taken / minutes, sum(max(0, later.done - earlier.done) for earlier, later in pairs) / minutes)


def forecast(depth: int, found: Rates | None, now: int) -> Forecast:
    """What will become of a queue that holds `depth` events now. `now`: microseconds."""
    if depth == 0:
        return Forecast(Outlook.EMPTY)
    if found is None:
        return Forecast(Outlook.UNKNOWN)
    if found.done == 0:
        return Forecast(Outlook.GROWS if found.taken > 0 else Outlook.STANDS)
    # What a minute works off is no backlog, however fast more comes in.
    speed = found.done if depth <= found.done else found.done - found.taken
    if speed <= 0 or depth / speed * MINUTE > FAR:
        return Forecast(Outlook.GROWS)
    return Forecast(Outlook.EMPTIES, now + round(depth / speed * MINUTE))
