"""A queue in one SQLite file, in the folder of the queue files."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection

from owa.module_api import (
    DIRECT,
    Batch,
    Entry,
    Event,
    FileLock,
    HeldByAnother,
    Overtaken,
    Pending,
    Quarantined,
    QueueContext,
    QueueStatus,
    QueueUnavailable,
    Receipt,
    RecordError,
    after_commit,
    dumps,
    loads,
    loads_entry,
)

TABLE = """
CREATE TABLE IF NOT EXISTS spool (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    is_event INTEGER NOT NULL,
    server INTEGER NOT NULL,
    site_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    entry BLOB NOT NULL,
    problem TEXT NOT NULL DEFAULT ''
)
"""
PUT = "INSERT INTO spool (is_event, server, site_id, received_at, entry) VALUES (?, ?, ?, ?, ?)"
LAST = "SELECT coalesce(max(id), 0) FROM spool"
LEASE = "SELECT id, entry FROM spool WHERE problem = '' AND id <= ? ORDER BY id LIMIT ?"
FIRST = "SELECT min(id) FROM spool WHERE problem = ''"
STATUS = "SELECT count(*), min(received_at) FROM spool WHERE is_event AND problem = ''"
LATEST = "SELECT entry FROM spool WHERE is_event AND problem = '' ORDER BY id DESC LIMIT ?"
PENDING = "SELECT is_event, server, site_id, count(*) FROM spool WHERE problem = '' GROUP BY 1, 2, 3"

Row = tuple[int, bytes]


class Spool:
    """Each call has a connection of its own: so threads and forked processes need not know of each other."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "shop_spool.db"
        self._lock = folder / "shop_spool.lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise QueueUnavailable(f"{folder} cannot be made: {error}.", "Give OWA a folder to write to.") from error
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # a commit costs one flush to the disk
            connection.execute(TABLE)

    def put(self, entries: Sequence[Entry]) -> None:
        rows = [
            (isinstance(entry, Event), entry.server, entry.site_id, entry.received_at, dumps(entry))
            for entry in entries
        ]
        with self._writing() as connection:
            connection.executemany(PUT, rows)

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator["Reading"]:
        lock, until = FileLock(self._lock), time.monotonic() + wait
        while not lock.acquire():
            if time.monotonic() >= until:
                raise HeldByAnother("Another drain holds the spool.")
            time.sleep(0.05)
        try:
            yield Reading(self)
        finally:
            lock.release()

    def last(self) -> int:
        with self._connected() as connection:
            (last,) = connection.execute(LAST).fetchone()
        return int(last)

    def lease(self, limit: int, last: int) -> Batch | None:
        with self._connected() as connection:
            rows: list[Row] = connection.execute(LEASE, (last, limit)).fetchall()
        entries: list[Entry] = []
        damaged: list[Quarantined] = []
        for number, text in rows:
            try:
                entries.append(loads_entry(text))
            except RecordError as error:
                damaged.append(Quarantined(self._path.name, number, len(text), str(error), repr(text[:80])))

        def acknowledge(connection: Connection) -> None:
            with self._connected() as own:
                (first,) = own.execute(FIRST).fetchone()
            if first != rows[0][0]:
                raise Overtaken("Another drain has acknowledged these events.")
            after_commit(connection, lambda: self._forget(rows[0][0], rows[-1][0], damaged))

        return Batch(tuple(entries), tuple(damaged), acknowledge, redelivers=True) if rows else None

    def check(self) -> None:
        with self._writing():
            pass

    def status(self) -> QueueStatus:
        with self._connected() as connection:
            return QueueStatus(*connection.execute(STATUS).fetchone())

    def latest(self, count: int) -> list[Event]:
        with self._connected() as connection:
            return [loads(text) for (text,) in connection.execute(LATEST, (count,))]

    def pending(self) -> Pending:
        pending = Pending()
        with self._connected() as connection:
            for is_event, server, site_id, count in connection.execute(PENDING):
                (pending.events if is_event else pending.refusals)[server, site_id] += count
                pending.receipts.append(Receipt(DIRECT, server, site_id, count))
        return pending

    def close(self) -> None:
        pass

    def _forget(self, first: int, last: int, damaged: Sequence[Quarantined]) -> None:
        """Delete what was processed, but keep what could not be read."""
        with self._writing() as connection:
            connection.executemany(
                "UPDATE spool SET problem = ? WHERE id = ?", [(part.reason, part.offset) for part in damaged]
            )
            connection.execute("DELETE FROM spool WHERE id BETWEEN ? AND ? AND problem = ''", (first, last))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise QueueUnavailable(f"{self._path}: {error}.", "Mend the disk, or the rights to the file.") from error


class Reading:
    """Reads as far as the spool reached when it was first asked: a drain that kept up with busy sites never ended."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._last: int | None = None

    def lease(self, limit: int) -> Batch | None:
        if self._last is None:
            self._last = self._spool.last()
        return self._spool.lease(limit, self._last)


def open_spool(context: QueueContext) -> Spool:
    return Spool(context.folder)
