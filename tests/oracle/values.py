"""An event's properties, read as what they should be. What is of the wrong type is nothing, and remembered."""

import re
from collections.abc import Mapping
from fractions import Fraction
from math import inf
from typing import Any

from tests.oracle.texts import NOT_SET

LONGEST_TEXT = 4_096
LARGEST_AMOUNT = 10**12
"""Cents: sums of many of them must fit a column."""


class Values:
    """The properties of an event, or of something nested in them."""

    def __init__(self, properties: Mapping[str, Any], bad: set[str]) -> None:
        self._properties = properties
        self.bad = bad
        """Those of the wrong type, of the event and what is nested in it."""

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str:
        """Empty for none; `(not set)` is none."""
        value = self._properties.get(name, "")
        if isinstance(value, str):
            return value[:longest] if value.strip() and value != NOT_SET else ""
        self.bad.add(name)
        return ""

    def whole(self, name: str, least: int = -(2**31) + 1, most: int = 2**31 - 1) -> int | None:
        value = self._properties.get(name, "")
        if value == "":
            return None
        if isinstance(value, str) and re.fullmatch("-?[0-9]+", value.strip()) and least <= int(value) <= most:
            return int(value)
        self.bad.add(name)
        return None

    def identifier(self, name: str) -> int | None:
        return self.whole(name, least=0, most=2**63 - 1)

    def flag(self, name: str) -> bool:
        value = self._properties.get(name, "")
        if not isinstance(value, str):
            self.bad.add(name)
        return value in ("true", "1", "yes")

    def money(self, name: str) -> int | None:
        """Cents; half a cent counts as a whole one, away from 0."""
        value = self._properties.get(name, "")
        if value == "":
            return None
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            amount = Fraction(value) * 100
            cents = int(abs(amount) + Fraction(1, 2)) * (-1 if amount < 0 else 1)
            if abs(cents) <= LARGEST_AMOUNT:
                return cents
        self.bad.add(name)
        return None

    def nested(self, name: str) -> list["Values"]:
        """What is nested under numbers, in the order of these; without what is no list of values."""
        value = self._properties.get(name, "")
        if value == "":
            return []
        parts = [value[key] for key in sorted(value, key=_number)] if isinstance(value, Mapping) else [value]
        if not all(isinstance(part, Mapping) for part in parts):
            self.bad.add(name)
        return [Values(part, self.bad) for part in parts if isinstance(part, Mapping)]


def _number(key: str) -> tuple[float, str]:
    """What is no number comes last."""
    return (int(key), "") if key.isdigit() else (inf, key)
