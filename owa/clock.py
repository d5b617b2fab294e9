"""The one clock. Everything that asks for the time asks a `Clock`, so that tests can set it."""

import time
from typing import Protocol

MICROSECONDS = 1_000_000


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> int:
        """Microseconds since the Unix epoch."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000


class FixedClock:
    """A clock that stands still until it is moved. For tests and for replaying traffic."""

    def __init__(self, now: int) -> None:
        """`now`: microseconds since the Unix epoch."""
        self._now = now

    def now(self) -> int:
        return self._now

    def move(self, seconds: float) -> None:
        """Move by `seconds`; a negative number moves the clock back."""
        self._now += round(seconds * MICROSECONDS)
