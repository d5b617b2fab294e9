"""How transactions begin on SQLite, and on which file."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DisconnectionError

from owa.node import Living, living

WAL_CHECKPOINT_PAGES = 20_000
"""SQLite copies its log into the database every 80 MB: rarer, longer and cheaper than the default 4 MB."""


def prepare(engine: Engine, patience: float, wanted: Callable[[], tuple[bool, bool]]) -> None:
    """A transaction that writes takes the write lock at its start. `patience`: seconds that others wait for a lock.
    `wanted`: whether connections must survive a power loss, and whether they only read."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        survives_power_loss, only_reads = wanted()
        connection.isolation_level = None  # we begin transactions ourselves, below
        connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if survives_power_loss else 'NORMAL'}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}")
        if only_reads:
            connection.execute("PRAGMA query_only = 1")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("owa_write"):
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(options['owa_patience'] * 1000)}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")


def file_of(url: URL) -> Path | None:
    """The file of a database; None: it is none of SQLite's, or has no file that is simply named."""
    name = url.database if url.get_backend_name() == "sqlite" else None
    return None if not name or name == ":memory:" or name.startswith("file:") else Path(name).absolute()


def keep_to_the_file(engine: Engine, file: Path) -> None:
    """No connection makes the file, and none goes on with one that was moved away or replaced: what it wrote would be
    lost to all others."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _words: Any, options: dict[str, Any]) -> Any:
        try:
            return sqlite3.connect(f"file:{quote(os.fsencode(file))}?mode=rw", uri=True, **options)
        except sqlite3.OperationalError as error:
            if _is_gone(file):
                raise sqlite3.OperationalError(f"there is no file {file}") from error
            raise

    @event.listens_for(engine, "connect")
    def note(_connection: Any, record: Any) -> None:
        record.info["owa_file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def check(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["owa_file"] != _identity(file):
            raise DisconnectionError("The file is another one.")  # the pool connects anew


def writer_of(file: Path) -> Living | None:
    """The process of this machine that holds the write lock; None: nobody, or the system does not tell."""
    with suppress(OSError, ValueError):
        shared = Path(f"{file}-shm").stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            *_, kind, pid, file_of_lock, start, end = line.split()
            if (kind, start, end) == _WRITER_LOCK and file_of_lock.endswith(f":{shared}"):
                return living(int(pid))
    return None


_WRITER_LOCK = ("WRITE", "120", "120")
"""The byte of SQLite's shared memory that the one locks who writes."""


def _is_gone(file: Path) -> bool:
    """No: it is there, or may not be looked at."""
    try:
        file.stat()
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
