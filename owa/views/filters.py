"""How values are shown in templates."""

from datetime import UTC, datetime

from owa.clock import MICROSECONDS


def moment(at: int | None) -> str:
    """A moment in microseconds, in UTC to the second; a dash for none."""
    if at is None:
        return "–"
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def words(value: object) -> str:
    """A JSON value, as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", []):
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


FILTERS = {"moment": moment, "words": words}
"""By the name that templates call them."""
