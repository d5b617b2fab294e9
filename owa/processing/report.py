"""What became of the entries of one or more batches."""

from dataclasses import dataclass, field

_FIGURES = ("processed", "duplicate", "waiting", "retrying", "failed", "quarantined", "refused", "events")


@dataclass(slots=True)
class Report:
    """Counts of events, and the keys that link those that wait with what they wait for."""

    processed: int = 0
    duplicate: int = 0
    waiting: int = 0
    retrying: int = 0
    failed: int = 0
    quarantined: int = 0
    refused: int = 0
    events: int = 0
    """How many events were looked at."""
    opened: list[str] = field(default_factory=list)
    """Keys that waiting events may have waited for."""
    waited_for: list[str] = field(default_factory=list)
    """Keys of the events that began to wait."""

    def add(self, other: "Report") -> None:
        """Add the counts, and not the keys: those are of one batch."""
        for name in _FIGURES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
