"""The event queue on a folder."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from owa.clock import Clock
from owa.db.engine import Database
from owa.errors import DatabaseUnavailable, HeldByAnother, Overtaken, QueueUnavailable
from owa.events import Entry, Event
from owa.files import FileLock, holder_of
from owa.node import living, stopped_by_a_signal
from owa.queues.afterwards import Afterwards
from owa.queues.append import Appender, sync_all, wait_for_writers
from owa.queues.contract import Batch, Pending, QueueStatus, Sought, Source
from owa.queues.files.counting import Counts
from owa.queues.files.folder import Folder
from owa.queues.files.peek import find_event, latest_events, oldest_event, place_of_moment, second_of, size_behind
from owa.queues.files.pending import pending_in, receipts_of, retire_writers
from owa.queues.numbering import Numbering, writers_gone
from owa.queues.positions import Positions
from owa.queues.segments import Block, read_block
from owa.queues.settings import ARCHIVE_OLD_EVENTS, DURABILITY, SYNC_INTERVAL
from owa.queues.together import Together
from owa.settings import Settings

NUMBERS_INTERVAL = 0.2
"""Seconds between two writings of the records' numbers, where what was written is not synced."""

POLL = 0.05
"""Seconds between two looks at a lock that another drain holds."""


STOPPED_PATIENCE = 5.0
"""Seconds after which it is told that the one who holds the lock was stopped: nobody knows when that ends."""


class FileQueue:
    """Keeps events in files. Safe to share between threads, and to use in any number of processes at once."""

    def __init__(
        self,
        folder: Folder,
        database: Database,
        clock: Clock,
        *,
        fsync: bool,
        archive: bool,
        sync_interval: float = 0.0,
    ) -> None:
        """`sync_interval`: seconds after which what was written is synced without anybody waiting for it; 0: never."""
        self._folder = folder
        self._database = database
        self._positions = Positions(database, folder.queue_id)
        self._clock = clock
        self._archive = archive
        self._fsync = fsync
        self._appender = Appender(folder.active, fsync=fsync)
        self._lock = self._appender.lock
        self._together = Together(self._keep_all)
        self._numbering = Numbering(folder.writers)
        self._counts = Counts()
        self._syncs_later = sync_interval > 0 and not fsync
        self._interval = sync_interval or NUMBERS_INTERVAL
        self._afterwards = Afterwards(self._follow_up, self._interval)
        os.register_at_fork(after_in_child=self._start_anew)

    @property
    def identity(self) -> str:
        """A UUID, kept in the folder."""
        return self._folder.queue_id

    def put(self, entries: Sequence[Entry]) -> None:
        if not self._fsync:
            return self._keep(entries)
        try:
            self._together.do(entries)
        except QueueUnavailable:
            raise
        except Exception:  # somebody's entry cannot be written at all, and none is: each sees for itself
            self._keep(entries)
        return None

    @property
    def waiting(self) -> int:
        """How many wait for the sync after the one that is under way."""
        return self._together.waiting

    def _keep_all(self, batch: Sequence[Sequence[Entry]]) -> None:
        self._keep([entry for entries in batch for entry in entries])

    def _keep(self, entries: Sequence[Entry]) -> None:
        lock = self._lock
        lock.acquire()  # `with` takes twice as long
        try:
            data = self._numbering.encode(entries)
            try:
                self._appender.write(data)
            except BaseException:
                # Some of the entries may be in the file: their numbers must not come again.
                self._numbering.withdraw(entries)
                self._numbering.close()
                self._numbering = Numbering(self._folder.writers)
                raise
            if not self._afterwards.is_asked:  # else it is done soon, for all of a burst
                self._afterwards.ask()
                self._numbering.flush()
            if self._fsync:
                self._appender.sync()
        finally:
            lock.release()

    def _follow_up(self) -> None:
        with self._lock:
            self._numbering.flush()
            written = self._appender.unsynced() if self._syncs_later else []
        sync_all(written)

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator[Source]:
        lock = FileLock(self._folder.lock)
        began = time.monotonic()
        while not self._acquired(lock):
            waited = time.monotonic() - began
            stopped = self._stopped() if waited >= min(wait, STOPPED_PATIENCE) else ""
            if stopped or waited >= wait:
                raise HeldByAnother(f"Another drain holds the queue in {self._folder.path}.{stopped}")
            time.sleep(POLL)
        try:
            yield FileSource(self._folder, self._database, self._clock, lock.note_progress, archive=self._archive)
        finally:
            lock.release()

    def _acquired(self, lock: FileLock) -> bool:
        with self._folder.explained("lock"):
            self._folder.make()
            return lock.acquire()

    def _stopped(self) -> str:
        """That the one who holds the lock was stopped, and what ends that; empty: it goes on, or is not known."""
        with self._folder.explained("lock"):
            holder = holder_of(self._folder.lock)
        who = living(holder.pid) if holder and holder.pid else None
        return f" {stopped_by_a_signal(who)}" if who and who.is_stopped else ""

    def check(self) -> None:
        self._folder.check()

    def status(self) -> QueueStatus:
        segments, details = self._folder.segments(), {}
        try:
            positions = self._positions.all()
            starts = [positions.get(path.name, 0) for path in segments]
            details = {"quarantined": self._positions.quarantined()}
        except DatabaseUnavailable:
            starts = [0] * len(segments)
        files = [*zip(segments, starts, strict=True), (self._folder.active, 0)]
        return QueueStatus(
            depth=self._counts.total(files),
            oldest_at=next(filter(None, (oldest_event(path, start) for path, start in files)), None),
            details={"segments": len(segments), **details},
        )

    def latest(self, count: int) -> list[Event]:
        found: list[Event] = []
        for path, start in reversed(self._files()):
            found += latest_events(path, start, count - len(found))
            if len(found) >= count:
                break
        return found

    def find(self, guid: int, limit: int) -> Sought:
        files = self._files()
        is_whole = sum(size_behind(path, start) for path, start in files) < limit
        share = limit if is_whole else limit // len(files)
        for path, start in files:
            if not is_whole:  # then where it should be
                start = max(start, place_of_moment(path, start, second_of(guid)) - share // 2)
            event, _read = find_event(path, start, guid, share)
            if event:
                return Sought(event, path.name, is_whole=True)
        return Sought(None, "", is_whole)

    def pending(self) -> Pending:
        return pending_in(self._files(), self._folder.writers)

    def close(self) -> None:
        self._afterwards.stop()
        with self._lock:
            sync_all(self._appender.unsynced() if self._syncs_later else ())
            self._appender.close()
            self._numbering.close()

    def _files(self) -> list[tuple[Path, int]]:
        """What is not drained, oldest first, each file with the offset behind what is processed."""
        positions = self._positions.all()
        segments = [(path, positions.get(path.name, 0)) for path in self._folder.segments()]
        return [*segments, (self._folder.active, 0)]

    def _start_anew(self) -> None:
        """After a fork, in the child: an open file, a lock and numbers of its own."""
        self._together = Together(self._keep_all)
        self._counts = Counts()
        self._appender.forget_descriptor()
        self._lock = self._appender.lock
        self._afterwards = Afterwards(self._follow_up, self._interval)
        self._numbering.forget()
        self._numbering = Numbering(self._folder.writers)


class FileSource:
    """The reading end: first the segments left by an earlier drain, then what was appended until now."""

    def __init__(
        self, folder: Folder, database: Database, clock: Clock, note_progress: Callable[[], None], *, archive: bool
    ) -> None:
        """`note_progress`: called at each batch."""
        self._folder = folder
        self._database = database
        self._positions = Positions(database, folder.queue_id)
        self._clock = clock
        self._note_progress = note_progress
        self._archive = archive
        self._rotated = False
        self._gone: list[Path] = []
        self._segments: list[Path] = folder.segments()

    def lease(self, limit: int) -> Batch | None:
        self._note_progress()
        while segment := self._current():
            start = self._positions.read(segment.name)
            with self._folder.explained("read"), segment.open("rb") as file:
                wait_for_writers(segment)  # also when the drain that rotated it was killed before it could
                block = read_block(file, segment.name, start, limit)
            if block.end > start:
                return self._batch(segment, start, block)
            self._finish(segment)
        retire_writers(self._gone, self._folder.writers, self._database)
        return None

    def _batch(self, segment: Path, start: int, block: Block) -> Batch:
        def acknowledge(connection: Connection) -> None:
            self._positions.move(connection, segment.name, start, block.end)
            if not segment.exists():  # another drain has finished it, and its position may be forgotten
                raise Overtaken(f"Another drain has finished {segment.name}.")
            self._positions.quarantine(connection, block.quarantined, self._clock.now())

        entries = tuple(record.entry for record in block.records)
        return Batch(entries, tuple(block.quarantined), acknowledge, receipts_of(block.records))

    def _current(self) -> Path | None:
        """The segment to read. Rotates once, when what was there before is read: a drain ends even under traffic."""
        if not self._segments and not self._rotated:
            self._rotated = True
            self._gone = writers_gone(self._folder.writers)  # first, so that all that they wrote is read
            with self._folder.explained("rotate"):
                self._folder.rotate()
            self._segments = self._folder.segments()
        return self._segments[0] if self._segments else None

    def _finish(self, segment: Path) -> None:
        quarantined = self._positions.has_quarantined(segment.name)
        with self._folder.explained("archive"):
            self._folder.finish(segment, keep=self._archive, quarantined=quarantined)
        self._positions.forget(segment.name)
        self._segments.pop(0)


def open_files(
    path: Path, settings: Settings, database: Database, clock: Clock, *, archive: bool | None = None
) -> FileQueue:
    """The queue in a folder, made when missing. `archive`: whether drained files are kept; None: as the settings say.
    Raises `QueueUnavailable`."""
    fsync = settings[DURABILITY] == "fsync"
    folder = Folder(path, clock, durable=fsync)
    keep = settings[ARCHIVE_OLD_EVENTS] if archive is None else archive
    interval = settings[SYNC_INTERVAL] / 1_000
    return FileQueue(folder, database, clock, fsync=fsync, archive=keep, sync_interval=interval)
