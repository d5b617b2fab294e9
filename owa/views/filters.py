"""How values are shown in templates."""

from datetime import UTC, datetime

from owa.clock import MICROSECONDS


def moment(at: int | None) -> str:
    """A moment in microseconds, in UTC to the second; a dash for none."""
    if at is None:
        return "–"
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")
