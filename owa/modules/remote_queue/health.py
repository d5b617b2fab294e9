"""How forwarding goes on this server: a small file in the spool's folder, which any process may read."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from owa.module_api import MICROSECONDS, Clock, QueueUnavailable

SHORTEST_PAUSE, LONGEST_PAUSE = 1, 60
"""Seconds between two tries while the endpoint is away: doubled with each."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was last seen of the endpoint. Moments in microseconds."""

    answered_at: int | None = None
    """When it last took something."""
    error: str = ""
    """Why it takes nothing now; empty: it does."""
    remedy: str = ""
    failing_since: int | None = None
    tries: int = 0
    """That failed in a row."""


def read_health(folder: Path) -> Health:
    """What the file says; nothing is known when there is none."""
    try:
        found: Mapping[str, Any] = json.loads(_file(folder).read_bytes())
        return Health(**found)
    except (OSError, ValueError, TypeError):
        return Health()


class HealthFile:
    """Keeps it, and says when the endpoint may be tried again: at once in a new process, later and later in one that
    has seen it fail."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._next_at = 0
        self._pause = SHORTEST_PAUSE

    def check_due(self) -> None:
        """Raises `QueueUnavailable` before the next try is due."""
        if self._clock.now() < self._next_at:
            health = read_health(self._folder)
            raise QueueUnavailable(health.error, health.remedy)

    def note_answer(self) -> None:
        """It has taken something."""
        self._pause, self._next_at = SHORTEST_PAUSE, 0
        self._write(Health(answered_at=self._clock.now()))

    def note_failure(self, outage: QueueUnavailable) -> None:
        """It has not."""
        now, before = self._clock.now(), read_health(self._folder)
        self._next_at = now + self._pause * MICROSECONDS
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        since = before.failing_since or now
        self._write(Health(before.answered_at, outage.message, outage.remedy, since, before.tries + 1))

    def answered_before(self, seconds: int) -> bool:
        """Whether its last answer is longer ago than that, or there was none."""
        answered_at = read_health(self._folder).answered_at
        return answered_at is None or answered_at < self._clock.now() - seconds * MICROSECONDS

    def _write(self, health: Health) -> None:
        draft = self._folder / f"health.{os.getpid()}"
        with suppress(OSError):  # a full disk: what is shown is old then
            draft.write_text(json.dumps(asdict(health)))
            draft.replace(_file(self._folder))


def _file(folder: Path) -> Path:
    return folder / "health.json"
