"""What a benchmark hands over: figures, each of two sides that were measured in turn in one run, and a profile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

Pairs = tuple[tuple[float, float], ...]
"""(ours, theirs), one of each round."""


class NotDone(AssertionError):
    """The work that was to be measured was not done, or not all of it: there is nothing to report."""


class Absent(Exception):
    """What a benchmark needs is not on this machine. It is skipped, and that is said."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much work."""

    share: float = 1.0
    """Of that of the real run."""
    rounds: int = 0
    """0: as many as the benchmark wants."""

    def of(self, count: int, least: int = 1) -> int:
        """`count` items of the real run."""
        return max(least, round(count * self.share))

    def times(self, rounds: int) -> int:
        return self.rounds or rounds


FULL = Size()
QUICK = Size(share=0.02, rounds=2)
"""To see whether all runs: its figures say nothing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison."""

    name: str
    ours: str
    """What the one side is."""
    theirs: str
    """And what the other, that it is divided by."""
    unit: str
    pairs: Pairs
    """(ours, theirs), one of each round."""
    goal: str = ""
    """What the ratio is to be, in words."""

    @property
    def ratios(self) -> list[float]:
        return sorted(ours / theirs for ours, theirs in self.pairs)

    @property
    def medians(self) -> tuple[float, float]:
        return median(ours for ours, _ in self.pairs), median(theirs for _, theirs in self.pairs)

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        ours, theirs = self.medians
        ratios = self.ratios
        middle = quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
        return {
            "name": self.name,
            "ours": {"what": self.ours, "median": ours},
            "theirs": {"what": self.theirs, "median": theirs},
            "unit": self.unit,
            "ratio": {
                "median": median(ratios),
                "least": ratios[0],
                "greatest": ratios[-1],
                "quartiles": [middle[0], middle[2]],
            },
            "goal": self.goal,
            "pairs": [list(pair) for pair in self.pairs],
        }


@dataclass(frozen=True, slots=True)
class Result:
    """Of one benchmark."""

    figures: tuple[Figure, ...]
    profile: dict[str, float] = field(default_factory=dict)
    """Microseconds of an item, by stage."""
    notes: tuple[str, ...] = ()


def in_turn(
    rounds: int, ours: Callable[[int], float], theirs: Callable[[int], float]
) -> tuple[tuple[float, float], ...]:
    """Both sides once a round, given its number; who is first alternates, so that a machine that gets slower or faster
    favours neither."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            other = theirs(number)
            pairs.append((ours(number), other))
        else:
            pairs.append((ours(number), theirs(number)))
    return tuple(pairs)


def check(done: object, wanted: object, what: str) -> None:
    """Raises `NotDone` unless they are the same."""
    if done != wanted:
        raise NotDone(f"{what}: {done}, not {wanted}.")
