"""How much there is."""

from dataclasses import dataclass

TIMES = 1_000
"""How many times as much the great installation has."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of an installation."""

    queued: int
    """Events, half of them in files of the incoming queue, half of them in the processing queue."""

    @property
    def incoming(self) -> int:
        return self.queued // 2

    @property
    def processing(self) -> int:
        return self.queued - self.incoming

    @property
    def failed(self) -> int:
        return self.queued // 10

    @property
    def stored(self) -> int:
        return self.queued * 10

    def __str__(self) -> str:
        return f"{self.queued:,} queued, {self.failed:,} failed, {self.stored:,} stored"
