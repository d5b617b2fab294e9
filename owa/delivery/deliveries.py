"""Delivers to the event handlers of all modules, side by side: one that hangs delays no other one."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING

from owa.contributions import PROCESSING
from owa.db import pauses
from owa.db.pauses import Pause
from owa.delivery.courier import Courier
from owa.errors import DatabaseUnavailable, Outage
from owa.processing.drain import Drained, Progress

if TYPE_CHECKING:
    from owa.app import Installation

logger = logging.getLogger(__name__)

IDLE = 30.0
"""Seconds for which a child process without work lives on, where somebody comes again."""

Due = Mapping[str, Sequence[str]]
"""The handlers that something is due for (`MODULE:NAME`), by module."""


class Deliveries:
    """The deliveries of one process."""

    def __init__(self, installation: "Installation") -> None:
        self._installation = installation
        self._stop = Flag()
        self._lock = Lock()
        self._rounds: dict[str, _Round] = {}

    def are_wanted(self) -> bool:
        """Whether there are event handlers."""
        return bool(self._installation.registry.event_handlers)

    def wake(self) -> Drained:
        """Begin to deliver what is due, in the background; returns what was delivered there since the last call."""
        try:
            pause = self._paused()
            due = {} if pause else self._due()
        except Outage as outage:
            return Drained(outage=outage)
        with self._lock:
            drained = _sum(one.courier for one in self._rounds.values())
            drained.paused = pause
            self._rounds = {module: one for module, one in self._rounds.items() if one.is_alive()}
            for module, handlers in due.items():
                if module not in self._rounds:
                    self._rounds[module] = _Round(Courier(module, self._installation, self._stop.is_set), self._lock)
                self._rounds[module].wake(handlers)
        return drained

    def drain(
        self, *, limit: int | None = None, force: bool = False, progress: Progress = lambda _count: None
    ) -> Drained:
        """Deliver what is due, at most `limit` events; returns when that is done, and no child process is left.
        `force`: also what would be tried again later, once."""
        started, now = time.monotonic(), self._installation.clock.now()
        try:
            pause = self._paused()
            due = {} if pause else self._due(force=force)
        except Outage as outage:
            return Drained(outage=outage)
        budget = _Budget(limit)
        couriers = {
            Courier(module, self._installation, self._stop.is_set): handlers for module, handlers in due.items()
        }
        threads = [
            Thread(target=_deliver_once, args=(courier, handlers, budget.take, now if force else None), daemon=True)
            for courier, handlers in couriers.items()
        ]
        for thread in threads:
            thread.start()
        shown = 0
        while any(thread.is_alive() for thread in threads):
            threads[0].join(0.1)
            threads = [*threads[1:], threads[0]]
            events = sum(courier.events for courier in couriers)
            progress(events - shown)
            shown = events
        self._tell()
        drained = _sum(couriers)
        drained.paused = pause
        drained.seconds = time.monotonic() - started
        return drained

    def stop(self) -> None:
        """Returns when nothing is under way, and no child process is left."""
        self._stop.set()
        with self._lock:
            rounds, self._rounds = list(self._rounds.values()), {}
        for one in rounds:
            one.end()

    def _paused(self) -> Pause | None:
        """The admin's pause of the processing queue. Raises `DatabaseUnavailable`."""
        with self._installation.database.reading() as connection:
            return pauses.find(connection, pauses.QUEUE, PROCESSING)

    def _due(self, *, force: bool = False) -> Due:
        """Raises `DatabaseUnavailable`."""
        known = [key for key, _handler in self._installation.registry.event_handlers]
        if known and not force:
            with self._installation.database.reading() as connection:
                due = set(self._installation.retries.due_handlers(connection, self._installation.clock.now()))
            known = [key for key in known if key in due]
        found: dict[str, list[str]] = {}
        for key in known:
            found.setdefault(key.partition(":")[0], []).append(key)
        return found

    def _tell(self) -> None:
        """What failed must be known when this process ends."""
        with suppress(DatabaseUnavailable):
            if self._installation.isolation.tell():
                self._installation.configuration.signal_change()


class _Round:
    """A courier in a thread, which waits for more work for a while."""

    def __init__(self, courier: Courier, lock: Lock) -> None:
        """`lock`: held by who calls `wake`."""
        self.courier = courier
        self._lock = lock
        self._handlers: set[str] = set()
        self._wanted = Flag()
        self._is_over = False
        self._thread = Thread(target=self._run, name=f"owa-deliver-{courier.module}", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        return not self._is_over

    def wake(self, handlers: Iterable[str]) -> None:
        self._handlers |= set(handlers)
        self._wanted.set()

    def end(self) -> None:
        """Returns when it has ended; the courier knows that it must."""
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while handlers := self._wait():
                self.courier.deliver(handlers, lambda wanted: wanted)
        except Exception:
            logger.exception("The deliveries to %s have stopped", self.courier.module)
        finally:
            self._is_over = True
            self.courier.close()

    def _wait(self) -> list[str]:
        """The handlers that something is due for; none: nothing was, for a while."""
        self._wanted.wait(IDLE)
        with self._lock:
            self._wanted.clear()
            handlers, self._handlers = sorted(self._handlers), set()
            self._is_over = not handlers
        return handlers


class _Budget:
    """How many events may be delivered, by all couriers together."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        self._lock = Lock()

    def take(self, wanted: int) -> int:
        """How many of them are allowed; a negative number gives back what was not needed."""
        with self._lock:
            if self._left is None:
                return wanted
            allowed = min(wanted, self._left)
            self._left -= allowed
            return allowed


def _deliver_once(
    courier: Courier, handlers: Sequence[str], take: Callable[[int], int], attempted_before: int | None
) -> None:
    try:
        courier.deliver(handlers, take, attempted_before)
    except Exception:
        logger.exception("The deliveries to %s have stopped", courier.module)
    finally:
        courier.close()


def _sum(couriers: Iterable[Courier]) -> Drained:
    """What they did since the last time."""
    drained = Drained()
    outages: list[Outage] = []
    for courier in couriers:
        drained.report.add(courier.take_report())
        outages += [courier.outage] if courier.outage else []
    drained.outage = outages[0] if outages else None
    return drained
