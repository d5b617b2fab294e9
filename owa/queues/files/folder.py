"""The folder of a file queue, and the moves of a segment through it.

events.txt     appended to by all processes
unprocessed/   rotated segments, read by the drain
archive/       drained segments, until they are pruned
quarantine/    drained segments that hold parts which are no records; never deleted by OWA
writers/       the last numbers of each writer, so that a loss shows
queue.id       the queue's identity; drain.lock  held by the drain
"""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from owa.clock import Clock
from owa.errors import QueueUnavailable
from owa.files import give_to_folder_owner, make_folder
from owa.queues.append import sync_folder


class Folder:
    """Files of one queue."""

    def __init__(self, path: Path, clock: Clock, *, durable: bool) -> None:
        """Make what is missing. `durable`: renames survive a power loss. Raises `QueueUnavailable`."""
        self._clock = clock
        self._durable = durable
        self.path = path
        self.active = path / "events.txt"
        self.lock = path / "drain.lock"
        self.unprocessed = path / "unprocessed"
        self.archive = path / "archive"
        self.quarantine = path / "quarantine"
        self.writers = path / "writers"
        with self.explained("use"):
            self.make()
            self.queue_id = self._identity()

    def make(self) -> None:
        """Make what is missing of the folders. Raises `OSError`."""
        for folder in (self.unprocessed, self.archive, self.quarantine, self.writers):
            make_folder(folder)

    def check(self) -> None:
        """Raises `QueueUnavailable` when nothing can be written here: a trial, not a guess."""
        trial = self.path / f"trial.{os.getpid()}.{os.urandom(4).hex()}"
        with self.explained("write to"):
            try:
                trial.write_bytes(bytes(4096))
            finally:
                trial.unlink(missing_ok=True)

    @contextmanager
    def explained(self, act: str) -> Iterator[None]:
        """Turns the system's errors into `QueueUnavailable`. `act`: what was tried, a verb."""
        try:
            yield
        except OSError as error:
            raise QueueUnavailable(
                f"Cannot {act} the queue: {error.filename or self.path}: {error.strerror}.",
                "Free disk space if there is none; else let everybody who runs OWA, cron included, be one user, "
                f"and give the files to it: chown -R USER {self.path}",
            ) from error

    def segments(self) -> list[Path]:
        """Rotated segments that are not finished, oldest first."""
        return sorted(self.unprocessed.glob("*.txt"))

    def rotate(self) -> None:
        """Move the active file, if it holds anything, to the segments. Only the holder of the drain lock may.

        Writers may still be at it: see `wait_for_writers`.
        """
        with suppress(FileNotFoundError):
            if self.active.stat().st_size == 0:
                return
            segment = self.unprocessed / self._segment_name()
            self.active.rename(segment)
            if self._durable:
                sync_folder(self.unprocessed)
                sync_folder(self.path)

    def finish(self, segment: Path, *, keep: bool, quarantined: bool) -> None:
        """The segment is processed: file it, or delete it."""
        if quarantined:
            segment.rename(self.quarantine / segment.name)
        elif keep:
            target = self.archive / segment.name
            segment.rename(target)
            os.utime(target)  # its age in the archive starts now
        else:
            segment.unlink()
        if self._durable:
            sync_folder(self.unprocessed)

    def prune(self, older_than: float) -> int:
        """Delete archived segments that were filed more than `older_than` seconds ago; returns how many. Raises
        `QueueUnavailable`."""
        limit = time.time() - older_than  # file times are the machine's
        with self.explained("prune"):
            old = [path for path in self.archive.glob("*.txt") if path.stat().st_mtime < limit]
            for path in old:
                path.unlink(missing_ok=True)
        return len(old)

    def _segment_name(self) -> str:
        """Starts with the time, so that names sort; the random part keeps names of one instant apart."""
        return f"{self._clock.now():017d}-{self.queue_id}-{os.urandom(4).hex()}.txt"

    def _identity(self) -> str:
        """The UUID in `queue.id`: hostnames repeat, and folders get copied."""
        file = self.path / "queue.id"
        with suppress(FileNotFoundError):
            return file.read_text().strip()
        draft = self.path / f"queue.id.{os.getpid()}.{os.urandom(4).hex()}"
        draft.write_text(f"{uuid.uuid4()}\n")
        give_to_folder_owner(draft)
        with suppress(FileExistsError):  # another process was faster: its identity counts
            os.link(draft, file)
        draft.unlink()
        return file.read_text().strip()
