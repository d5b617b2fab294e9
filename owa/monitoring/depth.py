"""How much is in the processing queue, for who asks again and again."""

import time
from dataclasses import replace
from threading import Lock, Thread
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.errors import DatabaseUnavailable
from owa.queues.contract import QueueStatus, State

if TYPE_CHECKING:
    from owa.app import Installation

EXACT = 1_000
"""Events of a kind that are counted while somebody waits for it."""

SHARE = 100
"""A longer count is good for so many times as long as it took."""

ALL = 10**12


class Depth:
    """Exact and of this moment as long as that is cheap. Where it is not, it is counted in the background, so rarely
    that this costs a hundredth of a processor: a million events are counted every few seconds. Safe to share between
    threads."""

    def __init__(self, installation: "Installation") -> None:
        self._installation = installation
        self._lock = Lock()
        self._thread: Thread | None = None
        self._counted: int | None = None
        self._took = 0.0
        self._counted_at = float("-inf")

    def now(self, connection: Connection) -> QueueStatus:
        """Without what has failed; of the figures, only the depth is whole."""
        seen = self._installation.retries.glance(connection, EXACT + 1)
        kinds = [count for name, count in seen.details.items() if name != State.FAILED.value]
        if max(kinds, default=0) <= EXACT:
            return seen
        return replace(seen, depth=max(seen.depth, self._recently()))

    def _recently(self) -> int:
        with self._lock:
            if self._counted is None:
                self._count()
            elif self._is_due() and not (self._thread and self._thread.is_alive()):
                self._thread = Thread(target=self._count, name="owa-depth", daemon=True)
                self._thread.start()
        return self._counted or 0

    def _is_due(self) -> bool:
        return time.monotonic() - self._counted_at > SHARE * self._took

    def _count(self) -> None:
        began = time.monotonic()
        try:
            with self._installation.database.reading() as connection:
                self._counted = self._installation.retries.glance(connection, ALL).depth
        except DatabaseUnavailable:
            return  # told elsewhere; what was counted before is good for a while
        self._counted_at = time.monotonic()
        self._took = self._counted_at - began
