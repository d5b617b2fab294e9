"""How transactions begin on SQLite."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

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
