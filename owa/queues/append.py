"""Many processes append to one file while a drain rotates it away, and no line is lost.

The writer holds a shared lock on the open file while it checks that this is still the file of that name, and writes. In
a burst it keeps the lock for a few milliseconds, and writes without a further look: nobody reads the file meanwhile.
The rotator renames the file; whoever reads it then takes the exclusive lock first: after that nobody writes to it. The
kernel drops the locks of a dead process, so there are no stale ones. Local disks only: network file systems emulate
`flock` badly.
"""

import fcntl
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from owa.errors import QueueUnavailable
from owa.files import give_to_folder_owner, make_folder
from owa.queues.afterwards import Afterwards

MOST_LEFT = 10
"""Renamed files that are kept open until they are synced."""

BURST = 0.001
"""Seconds: writes that follow each other sooner are a burst."""
HOLD = 0.02
"""Seconds that the lock is kept in a burst: so long may a reader have to wait."""
WRITERS_PATIENCE = 30.0
"""Seconds that a reader waits for writers. They hold the lock for milliseconds, unless they are stopped."""
POLL = 0.001


class Appender:
    """The writing end of a queue file, one for each process. Whoever uses it holds its lock meanwhile."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        self._path = path
        self._name = os.fspath(path)
        self._fsync = fsync
        self._descriptor = -1
        self._inode = (0, 0)
        self._left: list[int] = []
        self._begin()

    def _begin(self) -> None:
        self.lock = Lock()
        self._is_locked = False
        self._written_at = 0.0
        self._unlocking = Afterwards(self._unlock, HOLD)

    def write(self, data: bytes) -> None:
        """Write `data` in one piece. Raises `QueueUnavailable` when it, or a part of it, could not be written."""
        try:
            written = os.write(self._descriptor, data) if self._is_locked else self._write_locked(data)
        except OSError as error:
            self._close()
            raise QueueUnavailable(f"Cannot append to {self._path}: {error.strerror}.", REMEDY) from error
        if written != len(data):
            raise QueueUnavailable(f"Cannot append to {self._path}: the disk is full.", REMEDY)

    def _write_locked(self, data: bytes) -> int:
        self._lock_current_file()
        try:
            written = os.write(self._descriptor, data)
            before, self._written_at = self._written_at, time.monotonic()
            self._is_locked = self._written_at - before < BURST and self._unlocking.ask()
        finally:
            if not self._is_locked:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return written

    def _unlock(self) -> None:
        with self.lock:
            if self._is_locked:
                self._is_locked = False
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                self._written_at = time.monotonic()  # the burst may go on

    def sync(self) -> None:
        """Return when what was written last is on the disk. Raises `QueueUnavailable` when its sync has failed."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise QueueUnavailable(f"Cannot sync {self._path}: {error.strerror}.", REMEDY) from error

    def _lock_current_file(self) -> None:
        while True:
            if self._descriptor < 0:
                self._open()
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
            with suppress(FileNotFoundError):
                now = os.stat(self._name)  # noqa: PTH116 (Path.stat takes twice as long)
                if (now.st_dev, now.st_ino) == self._inode:
                    return
            self._leave()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._path, flags, 0o640)
        except FileNotFoundError:  # somebody removed the folder
            make_folder(self._path.parent)
            self._descriptor = os.open(self._path, flags, 0o640)
        give_to_folder_owner(self._path, self._descriptor)
        now = os.fstat(self._descriptor)
        self._inode = (now.st_dev, now.st_ino)
        if self._fsync:
            sync_folder(self._path.parent)

    def unsynced(self) -> list[int]:
        """Descriptors of what was written, for somebody who syncs it in the background, and closes them."""
        left, self._left = self._left, []
        return [*left, os.dup(self._descriptor)] if self._descriptor >= 0 else left

    def _leave(self) -> None:
        """The file was renamed. What was written to it is synced; without `fsync` that is done later."""
        if self._fsync or len(self._left) == MOST_LEFT:
            self._close()
        else:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._left.append(self._descriptor)
            self._descriptor = -1

    def close(self) -> None:
        """Close the file, and drop its lock with it."""
        self._unlocking.stop()
        self._unlocking = Afterwards(self._unlock, HOLD)
        self._close()

    def _close(self) -> None:
        self._is_locked = False
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a copy of it may be open, to be synced
            os.close(descriptor)

    def forget_descriptor(self) -> None:
        """After a fork, in the child: leave the parent's open file alone."""
        self._begin()
        close_all(self._left)
        self._left = []
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def sync_all(descriptors: Iterable[int]) -> None:
    """Bring to the disk what was written to them, and close them. A disk that cannot is noticed by the next write."""
    for descriptor in descriptors:
        with suppress(OSError):
            os.fdatasync(descriptor)
        os.close(descriptor)


def close_all(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make names that were made, changed or removed in `folder` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def wait_for_writers(path: Path) -> None:
    """Return when no writer holds the (already renamed) file any more. Raises `QueueUnavailable` when one does not let
    go of it."""
    deadline = time.monotonic() + WRITERS_PATIENCE
    with path.open("rb") as file:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() > deadline:
                remedy = "Is one of OWA's processes stopped? Let it go on (kill -CONT), or end it: nothing is lost."
                raise QueueUnavailable(f"Somebody does not stop writing to {path}.", remedy)
            time.sleep(POLL)


REMEDY = "Free disk space, or let the user that runs OWA write there. Senders are answered 503 meanwhile."
