"""Connections and transactions. Driver errors become `DatabaseUnavailable` here, and nowhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from owa.errors import DatabaseUnavailable, SettingsError

WRITE_PATIENCE = 30.0
"""Seconds that a drain waits for the write lock before it calls that an outage."""

WAL_CHECKPOINT_PAGES = 20_000
"""SQLite copies its log into the database every 80 MB: rarer, longer and cheaper than the default 4 MB."""


class Database:
    """Transactions on one database. Safe to share between threads; after a fork, each process makes its own."""

    def __init__(self, url: str, *, survive_power_loss: bool = False) -> None:
        """`survive_power_loss`: a commit returns only when it is on the disk. Else it survives a crash of the program,
        and after a power loss the database is consistent but may lack its last moments."""
        try:
            self.url = make_url(url)
            self._engine = create_engine(self.url, pool_size=5, max_overflow=20, hide_parameters=True)
        except (ArgumentError, ImportError) as error:
            raise SettingsError([f"OWA_DATABASE_URL: {error}"]) from error
        if self.is_sqlite:
            _prepare_sqlite(self._engine, survive_power_loss)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads. It never waits for a writer. Raises `DatabaseUnavailable`."""
        with _border(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, patience: float = WRITE_PATIENCE) -> Iterator[Connection]:
        """A transaction that writes: committed at the end of the block, rolled back when the block raises.

        On SQLite it holds the write lock from the start, so that what it reads cannot change under it; `patience` is
        how many seconds it waits for that lock. Raises `DatabaseUnavailable`.
        """
        callbacks: list[Callable[[], None]] = []
        with _border(), self._engine.connect() as connection:
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


def is_outage(error: Exception) -> bool:
    """Whether the database itself is in trouble: away, locked, full, damaged. Else the statement was at fault."""
    if isinstance(error, OperationalError | InterfaceError | InternalError | PoolTimeout):
        return True
    # SQLite says of a damaged file no more than "database error"
    return isinstance(error, DBAPIError) and (error.connection_invalidated or type(error) is DatabaseError)


@contextmanager
def _border() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not is_outage(error):
            raise
        raise DatabaseUnavailable(f"The database is not available: {_reason(error)}.", _remedy(error)) from error


def _reason(error: BaseException) -> str:
    """The driver's first complaint: when a disk is full, SQLite rolls back, and the missing savepoint is no news."""
    first, cause = error, error.__context__
    while cause is not None:
        first = cause if isinstance(cause, DBAPIError) else first
        cause = cause.__context__
    return str(getattr(first, "orig", None) or first).strip().rstrip(".")


def _remedy(error: Exception) -> str:
    reason = _reason(error)
    if "no such table" in reason or "no such column" in reason or "does not exist" in reason:
        return "Run `python cli.py cmd=install` to create or update the tables."
    if "not a database" in reason or "malformed" in reason:
        return "The file is damaged: put a backup in its place. What is queued stays queued."
    if "locked" in reason:
        return "Another process has been writing for long; OWA tries again by itself."
    if "unable to open" in reason or "readonly" in reason:
        return "Let the user that runs OWA write to the data folder."
    return "OWA tries again by itself; nothing is lost meanwhile."


def _prepare_sqlite(engine: Engine, survive_power_loss: bool) -> None:
    synchronous = "FULL" if survive_power_loss else "NORMAL"

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        connection.execute(f"PRAGMA busy_timeout = {int(WRITE_PATIENCE * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("owa_write"):
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(options['owa_patience'] * 1000)}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")
