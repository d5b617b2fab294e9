"""One `fdatasync` serves all threads that wrote before it began: the next one starts as soon as it has ended.

There is no thread for it: one of those who wait syncs for all, and hands over to one of those who came meanwhile. Each
waits for a lock of its own, so that nobody is woken who then has to wait for another.
"""

import os
from threading import Lock


class Waiter:
    """Somebody who waits for a sync."""

    __slots__ = ("failure", "syncs", "ticket", "woken")

    def __init__(self, ticket: int) -> None:
        self.ticket = ticket
        self.syncs = False
        """Whether the next sync is for this one to do."""
        self.failure: OSError | None = None
        self.woken = Lock()
        self.woken.acquire()


class GroupSync:
    """The syncs of one appender."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._written = 0
        self._synced = 0
        self._failed: tuple[int, int, OSError] | None = None
        """The tickets behind the first, up to the second, were lost."""
        self._descriptor = -1
        self._syncing = False
        self._waiting: list[Waiter] = []

    def register(self, descriptor: int) -> int:
        """Note a write on `descriptor`; returns the ticket to `wait` with."""
        with self._lock:
            self._descriptor = descriptor
            self._written += 1
            return self._written

    def wait(self, ticket: int) -> None:
        """Return when the write of `ticket` is on the disk. Raises `OSError` when its sync failed."""
        waiter = Waiter(ticket)
        with self._lock:
            if ticket <= self._synced:
                return self._raise_for(ticket)
            if self._syncing:
                self._waiting.append(waiter)
            else:
                self._syncing = waiter.syncs = True
        if not waiter.syncs:
            waiter.woken.acquire()
        if waiter.syncs:
            self._sync(waiter)
        if waiter.failure:
            raise waiter.failure
        return None

    def finish(self, descriptor: int) -> None:
        """Sync what was written to `descriptor`, which is about to be closed. Raises `OSError`."""
        with self._lock:
            ticket = self._written if self._descriptor == descriptor else 0
        if ticket:
            self.wait(ticket)
        with self._lock:
            self._descriptor = -1

    def _sync(self, waiter: Waiter) -> None:
        with self._lock:
            upto, descriptor = self._written, self._descriptor
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            waiter.failure = error
        finally:
            self._serve(waiter, upto)

    def _serve(self, waiter: Waiter, upto: int) -> None:
        """What was written up to a ticket is synced, or lost: those who wait are told, and one of the rest goes on."""
        with self._lock:
            if waiter.failure:
                self._failed = (self._synced, upto, waiter.failure)
            self._synced = upto
            served = [one for one in self._waiting if one.ticket <= upto]
            self._waiting = [one for one in self._waiting if one.ticket > upto]
            heir = self._waiting.pop(0) if self._waiting else None
            self._syncing = heir is not None
        if heir:
            heir.syncs = True
            heir.woken.release()
        for one in served:
            one.failure = waiter.failure
            one.woken.release()

    def _raise_for(self, ticket: int) -> None:
        if self._failed and self._failed[0] < ticket <= self._failed[1]:
            raise self._failed[2]
