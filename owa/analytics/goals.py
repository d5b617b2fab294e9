"""Goals of a site: pages that its visitors should reach. What they do in a session: `owa.analytics.sessions`."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import orjson

from owa.analytics.expressions import searcher
from owa.contributions import Site

MOST = 15
"""Goals of one site: `owa_session` has columns for so many."""

LONGEST_PATTERN = 2_000
"""Characters."""

LARGEST_VALUE = 10**15 - 1
"""Cents."""

SETTING = "goals"
"""The name of the site's setting that holds them, as JSON."""

Match = Literal["exact", "begins", "regex"]
"""How a pattern is compared with a page's path and query: it equals the pattern, begins with it, or RE2 finds it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal, as an admin gave it."""

    number: int
    """From 1 to `MOST`."""
    name: str
    match: Match
    pattern: str
    value: int
    """Cents that reaching it is worth, where no transaction tells."""

    def is_reached_at(self, uri: str) -> bool:
        """`uri`: path and query of a canonical address."""
        match self.match:
            case "exact":
                return uri == self.pattern
            case "begins":
                return uri.startswith(self.pattern)
            case "regex":
                return searcher(self.pattern)(uri)


def goals_of(site: Site) -> tuple[Goal, ...]:
    """The goals of a site, by number. What is no goal, or cannot be read, counts for none."""
    return parse(site.settings.get(SETTING, ""))


def reached(goals: Iterable[Goal], uri: str) -> int:
    """The goals that a page reaches: bit n - 1 stands for goal n. `uri`: path and query of its canonical address
    (`owa.analytics.urls.uri`)."""
    mask = 0
    for goal in goals:
        if goal.is_reached_at(uri):
            mask |= 1 << goal.number - 1
    return mask


@lru_cache(maxsize=1_000)
def parse(text: str) -> tuple[Goal, ...]:
    """The goals of a setting's text. Never raises."""
    try:
        document = orjson.loads(text)
    except ValueError:
        return ()
    found: dict[int, Goal] = {}
    for entry in document if isinstance(document, list) else ():
        if (goal := _goal(entry)) is not None:
            found.setdefault(goal.number, goal)
    return tuple(found[number] for number in sorted(found))


def dump(goals: Iterable[Goal]) -> str:
    """The setting's text for these; empty for none."""
    ordered = sorted(goals, key=lambda goal: goal.number)
    return orjson.dumps(ordered).decode() if ordered else ""


def is_damaged(text: str) -> bool:
    """Whether a setting's text holds more than its goals, which the next `dump` would not have."""
    try:
        return bool(text) and orjson.loads(text) != orjson.loads(dump(parse(text)) or "[]")
    except ValueError:
        return True


def _goal(entry: Any) -> Goal | None:
    match entry:
        case {
            "number": int(number),
            "name": str(name),
            "match": "exact" | "begins" | "regex" as match,
            "pattern": str(pattern),
            "value": int(value),
        }:
            goal = Goal(number, name, match, pattern, value)
            return goal if _is_sound(goal) else None
    return None


def _is_sound(goal: Goal) -> bool:
    if not (1 <= goal.number <= MOST and 0 <= goal.value <= LARGEST_VALUE and 0 < len(goal.pattern) <= LONGEST_PATTERN):
        return False
    if goal.match == "regex":
        try:
            searcher(goal.pattern)
        except ValueError:
            return False
    return not isinstance(goal.number, bool) and not isinstance(goal.value, bool)
