"""The least that a drain on SQLite can cost: finished rows of all tables, loaded by the driver's `executemany`, in as
many transactions as the drain has batches, into the same tables with the same indexes, in WAL mode."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Finished:
    """The rows of one table."""

    insert: str
    rows: Sequence[tuple[Any, ...]]


def bulk_load(finished: Path, target: Path, batches: int, clock: Any) -> tuple[float, int]:
    """(what `clock` says that it took, rows). `finished`: the database whose rows are loaded into `target`, made here;
    `batches`: transactions, each with its share of each table."""
    with closing(sqlite3.connect(finished)) as source, closing(_new(target)) as connection:
        tables = _copy_schema(source, connection)
        loads = [_finished(source, table) for table in tables]
        started = clock()
        for number in range(batches):
            connection.execute("BEGIN IMMEDIATE")
            for load in loads:
                if part := _share(load.rows, number, batches):
                    connection.executemany(load.insert, part)
            connection.execute("COMMIT")
        elapsed = clock() - started
        for table, load in zip(tables, loads, strict=True):
            found = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
            if found != len(load.rows):
                raise AssertionError(f"{table}: {found} of {len(load.rows)} rows were loaded.")
    return float(elapsed), sum(len(load.rows) for load in loads)


def _new(target: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(target, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 20000")
    return connection


def _copy_schema(source: sqlite3.Connection, target: sqlite3.Connection) -> list[str]:
    """Tables and indexes, empty; the names of the tables."""
    found = source.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
        "ORDER BY type = 'table' DESC"
    ).fetchall()
    for _, _, sql in found:
        target.execute(sql)
    return [name for kind, name, _ in found if kind == "table"]


def _finished(source: sqlite3.Connection, table: str) -> Finished:
    """In the order of the table, which is that of its key."""
    rows = source.execute(f'SELECT * FROM "{table}"').fetchall()
    marks = ",".join("?" * len(source.execute(f'SELECT * FROM "{table}" LIMIT 0').description))
    return Finished(f'INSERT INTO "{table}" VALUES ({marks})', rows)


def _share(rows: Sequence[tuple[Any, ...]], number: int, of: int) -> Sequence[tuple[Any, ...]]:
    return rows[len(rows) * number // of : len(rows) * (number + 1) // of]
