"""Connections and transactions. Driver errors become `DatabaseUnavailable` here, and nowhere else."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from owa.db import postgresql, sqlite
from owa.db.outages import explained, is_outage
from owa.errors import DatabaseUnavailable, SettingsError
from owa.files import give_to_folder_owner
from owa.node import stopped_by_a_signal

WRITE_PATIENCE = 20.0
"""Seconds that a drain waits for the write lock before it calls that an outage."""

MODE = 0o640
"""Of SQLite's file, and so of its log: it holds password hashes, and addresses of visitors."""

LOCKED = "locked"
"""SQLite's word for that."""


class Database:
    """Transactions on one database. Safe to share between threads; after a fork, each process makes its own."""

    def __init__(self, url: str, *, makes_file: bool = True) -> None:
        """`makes_file`: whether to connect makes SQLite's file where there is none; else `make_file` does."""
        self._survives_power_loss = False
        self._only_reads = False
        try:
            self.url = _with_driver(make_url(url))
            self._engine = _engine(self.url, lambda: (self._survives_power_loss, self._only_reads))
            self.file = sqlite.file_of(self.url)
            """SQLite's; None: there is no such file."""
        except ArgumentError as error:
            raise SettingsError([f"OWA_DATABASE_URL: {error}"]) from error
        if self.file and not makes_file:
            sqlite.keep_to_the_file(self._engine, self.file)

    def make_file(self) -> None:
        """Make SQLite's file where there is none, empty. Raises `DatabaseUnavailable`."""
        if self.file is None or self.file.exists():
            return
        log = self.file.with_name(f"{self.file.name}-wal")
        if log.exists() and log.stat().st_size:  # which SQLite deletes when it finds a new file beside it
            remedy = f"Put it back. If it is lost, move {log} away, and run cmd=install again."
            raise DatabaseUnavailable(f"There is no file {self.file}, but {log}, which is a part of it.", remedy)
        try:
            self.file.touch(MODE)
            give_to_folder_owner(self.file)
        except OSError as error:
            text = f"The database is not available: {self.file} cannot be made: {error.strerror}."
            raise DatabaseUnavailable(text, "Let the user that runs OWA write to its folder.") from error

    def survive_power_loss(self) -> None:
        """From now on a commit returns only when it is on the disk. Else it survives a crash of the program, and after
        a power loss the database is consistent but may lack its last moments. (PostgreSQL decides that by its own
        settings.)"""
        self._survives_power_loss = True
        self._engine.dispose()

    def only_read(self) -> None:
        """From now on its connections cannot write. (On PostgreSQL, transactions that are for reading never can.)"""
        self._only_reads = True
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one moment. It never waits for a writer. Raises
        `DatabaseUnavailable`."""
        with _border(self.file), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, patience: float = WRITE_PATIENCE) -> Iterator[Connection]:
        """A transaction that writes: committed at the end of the block, rolled back when the block raises.

        There is one at a time in the whole database, from its start to its end: what it reads cannot change under it.
        `patience` is how many seconds it waits for its turn. Raises `DatabaseUnavailable`.
        """
        callbacks: list[Callable[[], None]] = []
        with _border(self.file), self._engine.connect() as connection:
            connection = connection.execution_options(owa_write=True, owa_patience=patience, owa_after_commit=callbacks)
            with connection.begin():
                yield connection
        for callback in callbacks:
            callback()

    def forget_connections(self) -> None:
        """After a fork, in the child: leave the parent's connections alone."""
        self._engine.dispose(close=False)

    def close(self) -> None:
        self._engine.dispose()


def after_commit(connection: Connection, callback: Callable[[], None]) -> None:
    """Call `callback` when the `writing` transaction of `connection` is committed, and only then."""
    connection.get_execution_options()["owa_after_commit"].append(callback)


def _with_driver(url: URL) -> URL:
    """Plain `postgresql://` means the driver that OWA knows."""
    return url.set(drivername=postgresql.DRIVER) if url.drivername == "postgresql" else url


def _engine(url: URL, wanted: Callable[[], tuple[bool, bool]]) -> Engine:
    """`wanted`: whether connections must survive a power loss, and whether they only read."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=5, max_overflow=20, hide_parameters=True)
        sqlite.prepare(engine, WRITE_PATIENCE, wanted)
    elif url.drivername == postgresql.DRIVER:
        try:
            engine = create_engine(url, pool_size=5, max_overflow=20, hide_parameters=True, **postgresql.options(url))
        except ImportError as error:
            remedy = "pip install 'owa[postgresql]' brings what PostgreSQL needs"
            raise SettingsError([f"OWA_DATABASE_URL: {error}; {remedy}."]) from error
        postgresql.prepare(engine)
    else:
        raise SettingsError([f"OWA_DATABASE_URL: {url.drivername} is neither sqlite nor postgresql."])
    return engine


@contextmanager
def _border(file: Path | None) -> Iterator[None]:
    """`file`: SQLite's."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not is_outage(error):
            raise
        outage = explained(error)
        raise (_with_writer(outage, file) if file and LOCKED in outage.message else outage) from error


def _with_writer(outage: DatabaseUnavailable, file: Path) -> DatabaseUnavailable:
    """The same, naming who holds the lock, if that is known."""
    who = sqlite.writer_of(file)
    if who is None or who.pid == os.getpid():
        return outage
    if who.is_stopped:
        return DatabaseUnavailable(outage.message, stopped_by_a_signal(who))
    text = f"{outage.message} Process {who.pid} ({who.command or 'not of this user'}) holds the lock."
    return DatabaseUnavailable(text, outage.remedy)
