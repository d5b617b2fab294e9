"""What became of the entries of one or more batches."""

from dataclasses import dataclass, field

_FATES = ("processed", "duplicate", "waiting", "retrying", "forwarded", "failed", "quarantined", "refused", "moved")
_FIGURES = (*_FATES, "events", "woken")


@dataclass(slots=True)
class Report:
    """Counts of events, and the keys that link those that wait with what they wait for."""

    processed: int = 0
    duplicate: int = 0
    waiting: int = 0
    retrying: int = 0
    forwarded: int = 0
    failed: int = 0
    quarantined: int = 0
    refused: int = 0
    moved: int = 0
    """How many went to another queue, since theirs is switched off."""
    events: int = 0
    """How many events were looked at."""
    woken: int = 0
    """How many waiting events became due."""
    waited_for: list[str] = field(default_factory=list)
    """Keys of the events that began to wait."""

    def figures(self) -> dict[str, int]:
        """What became of events, by outcome, without those that are 0."""
        found = {name: getattr(self, name) for name in _FATES}
        return {name: count for name, count in found.items() if count > 0}

    def add(self, other: "Report") -> None:
        """Add the counts, and not the keys: those are of one batch."""
        for name in _FIGURES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
