"""Work that nobody waits for: a while after it is asked for, and once for all who ask meanwhile."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Afterwards:
    """Does it in a thread of its own, which sleeps while nobody asks. Safe to share between threads, not with a forked
    child."""

    def __init__(self, work: Callable[[], None], interval: float) -> None:
        """`interval`: seconds from the first one who asks to the work."""
        self._work = work
        self._interval = interval
        self.is_asked = False
        """Whether it is still to be done."""
        self._asked = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self) -> bool:
        """Whether it will be done: not after a stop, nor when no thread is to be had. One thread at a time may ask."""
        if self.is_asked:
            return True
        try:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="owa-afterwards", daemon=True)
                self._thread.start()
        except RuntimeError:
            self._thread = None
        if self._thread is None or self._stop.is_set():
            return False
        self.is_asked = True
        self._asked.set()
        return True

    def stop(self) -> None:
        """End the thread. What was asked for may be left undone."""
        self._stop.set()
        self._asked.set()
        self.is_asked = False

    def _run(self) -> None:
        while self._asked.wait() and not self._stop.wait(self._interval):
            self._asked.clear()
            self.is_asked = False  # who asks from now on is served the next time
            try:
                self._work()
            except Exception:
                logger.exception("What follows a write has failed")
