"""Guids: 19 digits, unique over servers, processes, restarts and clocks that go back, and rising with time.

    1795291324 042 07 0013
    second    server slot sequence

A slot belongs to one process at a time, by a lock on its file. The file keeps the last second that was used, written
before the second is used, so that a later holder starts behind it.
"""

import fcntl
import os
from pathlib import Path
from threading import Lock

from owa.clock import MICROSECONDS, Clock
from owa.errors import OwaError
from owa.events import Key
from owa.files import give_to_folder_owner, make_folder

SLOTS = 100
PER_SECOND = 10_000


def server_of(guid: int) -> int:
    """The number of the server that made a guid."""
    return guid // (SLOTS * PER_SECOND) % 1000


class Guids:
    """Makes guids. Safe to share between threads; a forked child takes a slot of its own."""

    def __init__(self, folder: Path, server: int, clock: Clock) -> None:
        """`folder`: where the slots' files are; made when missing. `server`: 0 to 999."""
        self.server = server
        self._folder = folder
        self._clock = clock
        self._lock = Lock()
        self._descriptor = -1
        self._slot = 0
        self._second = 0
        self._until = 0
        """When it ends, in microseconds."""
        self._left = iter(range(0))
        """Of the second's guids, those that are left."""
        os.register_at_fork(after_in_child=self._start_anew)

    def next(self) -> int:
        """A guid. Raises `OwaError` when no slot is free, `OSError` when the slot's file cannot be written."""
        return self.stamp()[1]

    def stamp(self) -> Key:
        """(now in microseconds, guid). Raises as `next`."""
        now = self._clock.now()
        guid = next(self._left, 0) if now < self._until else 0  # without the lock: only one thread gets each
        return now, guid or self._of_another_second(now)

    def _of_another_second(self, now: int) -> int:
        with self._lock:
            if self._descriptor < 0:
                self._take_slot()
            if now >= self._until:
                self._use_second(now // MICROSECONDS)
            while (guid := next(self._left, 0)) == 0:
                self._use_second(self._second + 1)  # borrowed
            return guid

    def slot(self) -> int:
        """The number of this process's slot: different in each process of this machine. Raises `OwaError`."""
        with self._lock:
            if self._descriptor < 0:
                self._take_slot()
            return self._slot

    def close(self) -> None:
        """Give the slot back."""
        with self._lock:
            self._forget_slot()

    def _forget_slot(self) -> None:
        self._until = 0
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _use_second(self, second: int) -> None:
        os.pwrite(self._descriptor, b"%010d\n" % second, 0)
        first = ((second * 1000 + self.server) * SLOTS + self._slot) * PER_SECOND
        self._left = iter(range(first, first + PER_SECOND))
        self._second, self._until = second, (second + 1) * MICROSECONDS

    def _take_slot(self) -> None:
        make_folder(self._folder)
        for slot in range(SLOTS):
            path = self._folder / f"{slot:02d}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            give_to_folder_owner(path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            text = os.pread(descriptor, 10, 0)
            used = int(text) if text.isdigit() else 0
            self._descriptor, self._slot = descriptor, slot
            self._left = iter(range(0))  # the second may be used up
            self._second, self._until = used, (used + 1) * MICROSECONDS
            return
        raise OwaError(
            f"All {SLOTS} slots in {self._folder} are taken.", f"Run at most {SLOTS} processes of OWA on a server."
        )

    def _start_anew(self) -> None:
        """After a fork, in the child: the lock on the slot stays the parent's."""
        self._lock = Lock()
        self._forget_slot()
