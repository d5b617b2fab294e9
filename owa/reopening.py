"""Opens queues again that could not be opened: in the background, with back-off, so that nobody waits for one."""

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Thread

from owa.clock import MICROSECONDS, Clock
from owa.errors import told
from owa.queues.contract import EventQueue

logger = logging.getLogger(__name__)

FIRST_DELAY = 2
LONGEST_DELAY = 60
"""Seconds."""


@dataclass(slots=True)
class Attempt:
    """At the queue of one module."""

    key: Hashable
    open: Callable[[], EventQueue]
    count: int = 0
    due_at: int = 0
    """Microseconds."""
    thread: Thread | None = None
    queue: EventQueue | None = None

    @property
    def is_running(self) -> bool:
        return self.thread is not None and self.thread.is_alive()


class Reopening:
    """What is tried again, by module."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attempts: dict[str, Attempt] = {}

    def failed(self, module: str, key: Hashable, open_: Callable[[], EventQueue]) -> None:
        """Opening the queue of `module` has failed: `open_` is tried again. `key`: all that the queue is made from."""
        known = self._attempts.get(module)
        attempt = Attempt(key, open_, known.count if known and known.key == key else 0)
        self.forget(module)
        self._postpone(attempt)
        self._attempts[module] = attempt

    def forget(self, module: str) -> None:
        """It is wanted no more."""
        if (attempt := self._attempts.pop(module, None)) and attempt.queue:
            attempt.queue.close()

    def take(self, module: str, key: Hashable) -> EventQueue | None:
        """The queue, if an attempt has opened it from just that."""
        attempt = self._attempts.get(module)
        if attempt is None or attempt.key != key or attempt.queue is None:
            return None
        del self._attempts[module]
        return attempt.queue

    def modules(self) -> list[str]:
        return list(self._attempts)

    def run(self) -> bool:
        """Begin the attempts that are due; True when an earlier one has opened its queue. To be called often."""
        now = self._clock.now()
        for module, attempt in list(self._attempts.items()):
            if attempt.queue is None and not attempt.is_running and now >= attempt.due_at:
                attempt.thread = Thread(target=self._try, args=(attempt,), name=f"owa-open-{module}", daemon=True)
                attempt.thread.start()
        return any(attempt.queue for attempt in self._attempts.values())

    def _try(self, attempt: Attempt) -> None:
        try:
            queue = attempt.open()
            if not isinstance(queue, EventQueue):
                raise TypeError(f"a {type(queue).__name__} is no queue")
        except BaseException as error:  # a factory may even call sys.exit
            logger.debug("A queue cannot be opened yet: %s", told(error)[0])
            self._postpone(attempt)
        else:
            attempt.queue = queue

    def _postpone(self, attempt: Attempt) -> None:
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempt.count, 10))
        attempt.count += 1
        attempt.due_at = self._clock.now() + delay * MICROSECONDS
