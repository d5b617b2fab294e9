"""Bulk writes and look-ups at the driver's speed, written as SQLAlchemy Core statements.

A `BulkStatement` is compiled once a dialect; then a batch costs one `executemany` of the driver, without SQLAlchemy's
work for each row. A `LookUp` asks for any number of rows in one statement that has one parameter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import Insert

Row = Mapping[str, Any]
Condition = Callable[[Column[Any]], ColumnElement[bool]]
T = TypeVar("T")


class BulkStatement:
    """A statement that is run for many rows at once."""

    def __init__(self, build: Callable[[Callable[[Table], Any]], Any]) -> None:
        """`build` gets the dialect's `insert`, and returns the statement with a bind parameter for each column."""
        self._build = build
        self._compiled: dict[str, tuple[str, Callable[[Row], Any]]] = {}

    def run(self, connection: Connection, rows: Iterable[Row]) -> int:
        """Run it for `rows`; returns how many rows changed, as far as the driver tells. They are best made one by one:
        a row as the driver wants it takes a fraction of a dict."""
        sql, arrange = self._compiled.get(connection.dialect.name) or self._compile(connection)
        parameters = [arrange(row) for row in rows]
        return connection.exec_driver_sql(sql, parameters).rowcount if parameters else 0

    def _compile(self, connection: Connection) -> tuple[str, Callable[[Row], Any]]:
        dialect = connection.dialect
        compiled = self._build(dialect_insert(dialect.name)).compile(dialect=dialect)
        order = compiled.positiontup
        arrange: Callable[[Row], Any] = itemgetter(*order) if order else dict
        self._compiled[dialect.name] = (str(compiled), arrange)
        return self._compiled[dialect.name]


class BulkInsert:
    """Inserts rows that are tuples, leaving those alone whose key is there already."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        """`columns`: what the tuples hold."""
        self._sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES (%s) ON CONFLICT DO NOTHING"  # noqa: S608
        self._count = len(columns)

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            mark = "%s" if connection.dialect.name == "postgresql" else "?"
            connection.exec_driver_sql(self._sql % ", ".join([mark] * self._count), rows)


class LookUp:
    """Selects the rows that have one of many whole numbers in a column."""

    def __init__(self, build: Callable[[Condition], Select[Any]]) -> None:
        """`build` gets what makes the condition of a column, and returns the statement."""
        self._build = build
        self._compiled: dict[str, str] = {}

    def rows(self, connection: Connection, numbers: Iterable[int]) -> Sequence[Any]:
        """Those that have one of the numbers."""
        wanted = list(numbers)
        if not wanted:
            return ()
        name = connection.dialect.name
        sql = self._compiled.get(name) or self._compile(connection)
        parameters: Any = {_WANTED: wanted} if name == "postgresql" else (orjson.dumps(wanted).decode(),)
        return connection.exec_driver_sql(sql, parameters).all()

    def _compile(self, connection: Connection) -> str:
        among = _among_array if connection.dialect.name == "postgresql" else _among_json
        self._compiled[connection.dialect.name] = sql = str(self._build(among).compile(dialect=connection.dialect))
        return sql


def look_up(*columns: ColumnElement[Any], by: Column[Any]) -> LookUp:
    """Select these columns where `by` is one of the numbers."""
    return LookUp(lambda among: select(*columns).where(among(by)))


_WANTED = "wanted"


def _among_json(column: Column[Any]) -> ColumnElement[bool]:
    """SQLite has no arrays, and its statements are parsed anew for each number of parameters."""
    each = func.json_each(bindparam(_WANTED, type_=Text)).table_valued("value")
    return column.in_(select(each.c.value))


def _among_array(column: Column[Any]) -> ColumnElement[bool]:
    return column == func.any(cast(bindparam(_WANTED), ARRAY(BigInteger)))


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
