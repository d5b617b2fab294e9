"""The last diagnosis of a process, for what every page shows."""

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread

from owa.diagnosis.chain import Diagnosis

logger = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds for which a diagnosis is good."""

PATIENCE = 0.25
"""Seconds that a page waits for a new one at most. Most take a tenth of that."""

STALE = 60.0
"""Seconds after which an old one is shown no more."""


class Watch:
    """Looks when somebody wants to know, in a thread of its own, and not more often than every few seconds. Safe to
    share between threads."""

    def __init__(self, look: Callable[[], Diagnosis], interval: float = INTERVAL) -> None:
        self._look = look
        self._interval = interval
        self._lock = Lock()
        self._thread: Thread | None = None
        self._current: Diagnosis | None = None
        self._looked_at = float("-inf")

    def current(self, patience: float = PATIENCE) -> Diagnosis | None:
        """The last diagnosis; None: there is none of late. Takes no longer than `patience` seconds."""
        if time.monotonic() - self._looked_at > self._interval and (thread := self._start()):
            thread.join(patience)
        return self._current if time.monotonic() - self._looked_at <= STALE else None

    def forget(self) -> None:
        """Something has just been done about it: look anew."""
        self._looked_at, self._current = float("-inf"), None

    def _start(self) -> Thread | None:
        """Begin a look; None: one is under way that somebody else waits for."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return None
            self._thread = Thread(target=self._run, name="owa-diagnosis", daemon=True)
            self._thread.start()
            return self._thread

    def _run(self) -> None:
        try:
            self._current = self._look()
        except Exception:
            logger.exception("No diagnosis could be made")
            self._current = None
        self._looked_at = time.monotonic()
