"""Which goals a page reaches, and what they are worth in a session."""

import re
from collections.abc import Mapping
from typing import Any

from tests.oracle.given import Goal

NUMBERS = range(1, 16)


def reached(goals: Mapping[int, Goal], uri: str) -> int:
    """Bit n - 1 stands for goal n."""
    return sum(1 << number - 1 for number, goal in goals.items() if _is_reached(goal, uri))


def goal_columns(
    goals: Mapping[int, Goal], masks: list[int], transactions: list[tuple[int, int | None]]
) -> dict[str, Any]:
    """A session's columns. `masks`: what its events reached; `transactions`: what each of them reached, with its total,
    least key first."""
    columns: dict[str, Any] = {"num_goals": None, "goals_value": None, "num_goal_starts": None}
    for number in NUMBERS:
        columns |= dict.fromkeys((f"goal_{number}", f"goal_{number}_value", f"goal_{number}_start"))
        if any(_has(mask, number) for mask in masks):
            totals = [total for mask, total in transactions if _has(mask, number)]
            value = totals[0] if totals and totals[0] is not None else goals[number][2]
            columns |= {
                f"goal_{number}": 1,
                f"goal_{number}_value": value,
                "num_goals": (columns["num_goals"] or 0) + 1,
                "goals_value": (columns["goals_value"] or 0) + value,
            }
    return columns


def _has(mask: int, number: int) -> bool:
    return bool(mask & 1 << number - 1)


def _is_reached(goal: Goal, uri: str) -> bool:
    match, pattern, _ = goal
    if match == "exact":
        return uri == pattern
    if match == "begins":
        return uri.startswith(pattern)
    return re.search(pattern, uri) is not None
