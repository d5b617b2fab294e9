"""A queue file that was copied from another server, to be drained here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from owa.clock import Clock
from owa.db.engine import Database, after_commit
from owa.errors import UsageError
from owa.events import Entry, Event
from owa.queues.contract import Batch, Pending, QueueStatus, Source
from owa.queues.files.peek import count_events, latest_events, oldest_event
from owa.queues.positions import Positions
from owa.queues.segments import read_block

COPIED = "copied-file"
"""Under which its quarantined parts are noted."""


class CopiedFile:
    """Read from its start each time: guids make a second reading harmless, and no position can be mistaken for that of
    another file of the same name. The file is left as it is."""

    def __init__(self, path: Path, positions: Positions, clock: Clock) -> None:
        self._path = path
        self._positions = positions
        self._clock = clock
        self._position = 0

    def put(self, entries: Sequence[Entry]) -> None:
        raise UsageError("A copied file takes no events.")

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator[Source]:
        yield self

    def lease(self, limit: int) -> Batch | None:
        start = self._position
        with self._path.open("rb") as file:
            block = read_block(file, self._path.name, start, limit)
        if block.end == start:
            return None

        def acknowledge(connection: Connection) -> None:
            self._positions.quarantine(connection, block.quarantined, self._clock.now())
            after_commit(connection, lambda: setattr(self, "_position", block.end))

        # Refusals were counted by the server that wrote them, or will be: here they would count twice.
        events = tuple(record.entry for record in block.records if isinstance(record.entry, Event))
        return Batch(events, tuple(block.quarantined), acknowledge, redelivers=True)

    def check(self) -> None:
        raise UsageError("A copied file takes no events.")

    def status(self) -> QueueStatus:
        return QueueStatus(count_events(self._path, self._position), oldest_event(self._path, self._position))

    def latest(self, count: int) -> list[Event]:
        return latest_events(self._path, self._position, count)

    def pending(self) -> Pending:
        return Pending()

    def close(self) -> None:
        return None


def open_copied_file(path: Path, own: Path, database: Database, clock: Clock) -> CopiedFile:
    """Raises `UsageError` when it cannot be read, or is one of this server's own queue files, in the folder `own`."""
    if own.resolve() in path.resolve().parents:
        raise UsageError(
            f"{path} belongs to this server's own queue.", "Run processEventQueue without path to drain it."
        )
    remedy = "Give path= a readable queue file."
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file.", remedy)
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.", remedy) from error
    return CopiedFile(path, Positions(database, COPIED), clock)
