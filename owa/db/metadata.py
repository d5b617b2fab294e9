"""The one `MetaData`, and the column types that all tables share. Tables stand next to their user."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TextClause,
    event,
)

METADATA = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")
"""A signed 64-bit integer. SQLite keys its rows by a column only when that is declared INTEGER."""

ByteOrderedText = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by its UTF-8 bytes: "the least text" must mean the same on every database and in Python."""


def partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool] | TextClause) -> Index:
    """An index of the rows that `where` holds for, on the table of the columns."""
    index = Index(name, *columns, sqlite_where=where)

    @event.listens_for(columns[0].table, "before_create")
    def create(_table: Table, connection: Connection, **_options: Any) -> None:
        # Not above: SQLAlchemy would load all of PostgreSQL's dialect to check the word, in each process.
        if connection.dialect.name == "postgresql":
            index.dialect_options["postgresql"]["where"] = where

    return index
