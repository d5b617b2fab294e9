"""Remembers when an outage began, where the outage cannot reach: in a file.

The age of what waits must not grow while nothing can come.
"""

from contextlib import suppress
from pathlib import Path

from owa.clock import Clock


class Pause:
    """The pause of this server's drains."""

    def __init__(self, note: Path, clock: Clock) -> None:
        """`note`: the file; there while a pause lasts."""
        self._note = note
        self._clock = clock

    def begin(self) -> None:
        """An outage stopped a drain. Only the first call of a pause counts."""
        with suppress(OSError), self._note.open("x") as file:
            file.write(str(self._clock.now()))

    def since(self) -> int | None:
        """When the pause began, in microseconds; None when there is none."""
        try:
            return int(self._note.read_text())
        except (OSError, ValueError):
            return None

    def length(self) -> int:
        """Microseconds since the pause began; 0 when there is none."""
        began = self.since()
        return 0 if began is None else max(0, self._clock.now() - began)

    def end(self) -> None:
        """The pause is over, and accounted for."""
        with suppress(OSError):
            self._note.unlink(missing_ok=True)
