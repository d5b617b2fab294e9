"""Bulk writes at the driver's speed, written as SQLAlchemy Core statements.

A `BulkStatement` is compiled once a dialect; then a batch costs one `executemany` of the driver, without SQLAlchemy's
work for each row.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import Insert

Row = Mapping[str, Any]
T = TypeVar("T")


class BulkStatement:
    """A statement that is run for many rows at once."""

    def __init__(self, build: Callable[[Callable[[Table], Any]], Any]) -> None:
        """`build` gets the dialect's `insert`, and returns the statement with a bind parameter for each column."""
        self._build = build
        self._compiled: dict[str, tuple[str, Callable[[Row], Any]]] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Run it for `rows`; returns how many rows changed, as far as the driver tells."""
        if not rows:
            return 0
        sql, arrange = self._compiled.get(connection.dialect.name) or self._compile(connection)
        return connection.exec_driver_sql(sql, [arrange(row) for row in rows]).rowcount

    def _compile(self, connection: Connection) -> tuple[str, Callable[[Row], Any]]:
        dialect = connection.dialect
        compiled = self._build(dialect_insert(dialect.name)).compile(dialect=dialect)
        order = compiled.positiontup
        arrange: Callable[[Row], Any] = itemgetter(*order) if order else dict
        self._compiled[dialect.name] = (str(compiled), arrange)
        return self._compiled[dialect.name]


def dialect_insert(dialect: str) -> Callable[[Table], Any]:
    """The `insert` that knows ON CONFLICT."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # takes a while to import, and most installations have none

        return postgresql.insert
    return sqlite.insert


def insert_new(table: Table, columns: Sequence[str]) -> BulkStatement:
    """Insert rows, leaving those alone whose key is there already."""
    return BulkStatement(lambda insert: bound(insert(table), columns).on_conflict_do_nothing())


def bound(insert: Insert, columns: Sequence[str]) -> Any:
    """`insert` with a bind parameter of its own name for each column."""
    return insert.values({column: bindparam(column) for column in columns})


def chunks(items: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """Lists of at most `size`, since databases limit the parameters of a statement."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
