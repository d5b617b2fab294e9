"""Reads an event's properties with types: a value of the wrong type is NULL, and counted."""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from owa.identity import NOT_SET

LONGEST_TEXT = 4_096
"""Characters kept of a text."""

_LARGEST_INTEGER = 2**31 - 1
LARGEST_AMOUNT = 10**12
"""Cents: the sum of a million of them still fits a column."""
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_TRUE = frozenset(("true", "1", "yes"))


class Properties:
    """The properties of one event. Remembers which of them had to be coerced."""

    __slots__ = ("coerced", "sent")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.sent = values
        """As they came, whatever they are."""
        self.coerced: list[str] = []
        """Each once, however often it is read."""

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str:
        """The text as sent, cut to so many characters; empty when absent, blank, or OWA's `(not set)`."""
        value = self.sent.get(name, "")
        if isinstance(value, str):
            return "" if not value or value == NOT_SET or value.isspace() else value[:longest]
        if value is not None:
            self._coerce(name)
        return ""

    def integer(self, name: str, alternative: str = "") -> int | None:
        """A whole number of at most 31 bits, also where it is spelled as text; None when absent."""
        value = self.sent.get(name, "")
        if value == "" and alternative:
            name, value = alternative, self.sent.get(alternative, "")
        if value == "" or value is None:
            return None
        number = _whole_number(value)
        if number is None or not -_LARGEST_INTEGER <= number <= _LARGEST_INTEGER:
            self._coerce(name)
            return None
        return number

    def identifier(self, name: str) -> int | None:
        """A whole number of at most 63 bits, not negative; None when absent."""
        value = self.sent.get(name, "")
        if value == "" or value is None:
            return None
        number = _whole_number(value)
        if number is None or not 0 <= number < 2**63:
            self._coerce(name)
            return None
        return number

    def money(self, name: str) -> int | None:
        """A decimal number such as `110.50`, in cents, rounded half up; None when absent."""
        value = self.sent.get(name, "")
        if value == "" or value is None:
            return None
        cents = _cents(value)
        if cents is None:
            self._coerce(name)
        return cents

    def parts(self, name: str) -> list["Properties"]:
        """The properties of each of a numbered list, such as `ct_line_items[0][li_sku]`, by their numbers."""
        value = self.sent.get(name, "")
        if value == "" or value is None:
            return []
        numbered = _numbered(value)
        found = [Properties(part) for part in numbered or () if isinstance(part, dict)]
        if numbered is None or len(found) < len(numbered):
            self._coerce(name)
        return found

    def coerced_in(self, part: "Properties") -> None:
        """Take over what had to be coerced in one of `parts`."""
        for name in part.coerced:
            self._coerce(name)

    def flag(self, name: str) -> bool:
        """`true`, `1` and `yes` are true; all else is false."""
        value = self.sent.get(name, "")
        if isinstance(value, str):
            return bool(value) and value.strip().lower() in _TRUE
        if value is not None and not isinstance(value, bool):
            self._coerce(name)
        return value is True

    def _coerce(self, name: str) -> None:
        if name not in self.coerced:
            self.coerced.append(name)


def _whole_number(value: object) -> int | None:
    if not isinstance(value, str):
        return int(value) if isinstance(value, int) else None
    if len(value) <= 19 and value.isdigit() and value.isascii():
        return int(value)  # as nearly all are
    text = value.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else None


def _cents(value: object) -> int | None:
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _DECIMAL.fullmatch(text):
        return None
    amount = Decimal(text)
    if abs(amount) > LARGEST_AMOUNT:
        return None  # longer than what can be rounded
    cents = int(amount.quantize(Decimal("0.01"), ROUND_HALF_UP).scaleb(2))
    return cents if abs(cents) <= LARGEST_AMOUNT else None


def _numbered(value: object) -> list[object] | None:
    """The parts of a list that brackets spell, in the order of their numbers; None: it is none."""
    if isinstance(value, list):
        return value
    return [value[key] for key in sorted(value, key=_number)] if isinstance(value, dict) else None


def _number(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isascii() and key.isdigit() and len(key) < 10 else (10**10, key)
