"""Reads an event's properties with types: a value of the wrong type is NULL, and counted."""

from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 4_096
"""Characters kept of a text."""

_LARGEST_INTEGER = 2**31 - 1
_TRUE = frozenset(("true", "1", "yes"))


class Properties:
    """The properties of one event. Remembers which of them had to be coerced."""

    __slots__ = ("_values", "coerced")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.coerced: list[str] = []
        """Each once, however often it is read."""

    def text(self, name: str) -> str:
        """The text as sent, cut to a length; empty when absent or blank."""
        value = self._values.get(name, "")
        if isinstance(value, str):
            return value[:LONGEST_TEXT] if not value.isspace() else ""
        if value is not None:
            self._coerce(name)
        return ""

    def integer(self, name: str, alternative: str = "") -> int | None:
        """A whole number of at most 31 bits, also where it is spelled as text; None when absent."""
        value = self._values.get(name, "")
        if value == "" and alternative:
            name, value = alternative, self._values.get(alternative, "")
        if value == "" or value is None:
            return None
        number = _whole_number(value)
        if number is None or abs(number) > _LARGEST_INTEGER:
            self._coerce(name)
            return None
        return number

    def identifier(self, name: str) -> int | None:
        """A whole number of at most 63 bits, not negative; None when absent."""
        value = self._values.get(name, "")
        if value == "" or value is None:
            return None
        number = _whole_number(value)
        if number is None or not 0 <= number < 2**63:
            self._coerce(name)
            return None
        return number

    def flag(self, name: str) -> bool:
        """`true`, `1` and `yes` are true; all else is false."""
        value = self._values.get(name, "")
        if isinstance(value, str):
            return value.strip().lower() in _TRUE
        if value is not None and not isinstance(value, bool):
            self._coerce(name)
        return value is True

    def _coerce(self, name: str) -> None:
        if name not in self.coerced:
            self.coerced.append(name)


def _whole_number(value: object) -> int | None:
    if isinstance(value, int):
        return int(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else None
