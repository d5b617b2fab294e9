"""Where relative paths start, and files that several users' processes share: cron as root must not lock out the server
that runs as somebody else."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


def root_folder() -> Path:
    """Where relative paths start: the folder of cli.py; the current one where OWA is installed as a package only."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "cli.py").exists() else Path.cwd()


def give_to_folder_owner(path: Path, descriptor: int | None = None) -> None:
    """When root made the file or folder: hand it to the owner of the folder that it is in. Else do nothing.

    `descriptor`: of the open file, when somebody may be renaming it.
    """
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path if descriptor is None else descriptor, owner.st_uid, owner.st_gid)


def make_folder(path: Path) -> None:
    """Make the folder, and those above it, where missing."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        give_to_folder_owner(path)


class FileLock:
    """A lock on a file, for one process at a time. The kernel drops it when the process dies: a child that it has
    forked closes its copy at once, and holds nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        """False when another process holds it, or another `FileLock` of this one. Raises `OSError`."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            give_to_folder_owner(self._path, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        _HELD.add(descriptor)
        with suppress(OSError):  # a full disk: it is held all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {int(time.time())}\n".encode(), 0)
        return True

    def release(self) -> None:
        """Let go of it, if it is held."""
        if self._descriptor in _HELD:
            _HELD.discard(self._descriptor)
            os.close(self._descriptor)
        self._descriptor = -1

    def note_progress(self) -> None:
        """Tell those who look that its holder gets on."""
        with suppress(OSError):
            if self._descriptor in _HELD:
                os.utime(self._descriptor)

    @property
    def is_held(self) -> bool:
        """By this object, in this process."""
        return self._descriptor in _HELD


HEARTBEAT = 20.0
"""Seconds between two notes of progress during work that is done in one piece."""


@contextmanager
def getting_on() -> Iterator[None]:
    """While the block lasts, those who look at the locks of this process see that it gets on: for work that takes long
    and has no steps to note. It is noted no more when the process is stopped."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(HEARTBEAT):
            for descriptor in list(_HELD):
                with suppress(OSError):
                    os.utime(descriptor)

    thread = threading.Thread(target=beat, name="owa-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. Times in seconds since the epoch, by the machine's clock."""

    pid: int
    """0: that is not known."""
    since: int | None
    moved_at: float
    """When it last noted progress, or got the lock."""


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock on a file; None: nobody, or there is none. Raises `OSError` when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        found = os.fstat(descriptor)
        pid, _, since = os.pread(descriptor, 100, 0).decode(errors="replace").strip().partition(" ")
        known = pid.isdecimal() and since.isdecimal() and _lives(int(pid))
        return Holder(int(pid) if known else 0, int(since) if known else None, found.st_mtime)
    finally:
        os.close(descriptor)
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is somebody else's
    return True


_HELD: set[int] = set()
"""Descriptors of the locks that this process holds."""


def _leave_to_parent() -> None:
    while _HELD:
        os.close(_HELD.pop())


os.register_at_fork(after_in_child=_leave_to_parent)
