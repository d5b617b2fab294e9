"""Bulk statements and look-ups, on SQLite; `tests/property/test_convergence.py` has them on PostgreSQL too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, Text

from owa.db.bulk import BulkInsert, insert_new, look_up
from owa.db.engine import Database
from owa.db.metadata import Id

THING = Table("thing", MetaData(), Column("id", Id, primary_key=True), Column("name", Text), Column("note", Text))
LOOK_UP = look_up(THING.c.id, THING.c.name, by=THING.c.id)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database(f"sqlite:///{tmp_path / 'things.db'}")
    with database.writing() as opened:
        THING.create(opened)
        yield opened
    database.close()


def test_rows_are_looked_up_by_any_number_of_numbers(connection: Connection) -> None:
    BulkInsert(THING, ["id", "name"]).run(connection, [(number, str(number)) for number in range(0, 100_000, 2)])
    found = LOOK_UP.rows(connection, range(99_000))
    assert [tuple(row) for row in found] == [(number, str(number)) for number in range(0, 99_000, 2)]


def test_the_greatest_ids_are_found(connection: Connection) -> None:
    ids = [2**63 - 1, 2**63 - 2, 2**53 + 1]
    BulkInsert(THING, ["id", "name"]).run(connection, [(number, "x") for number in ids])
    assert sorted(row.id for row in LOOK_UP.rows(connection, [*ids, 2**53])) == sorted(ids)


def test_nothing_is_asked_for_nothing(connection: Connection) -> None:
    assert LOOK_UP.rows(connection, ()) == ()


def test_rows_that_are_there_stay(connection: Connection) -> None:
    statement = BulkInsert(THING, ["name", "id"])
    statement.run(connection, [("first", 1)])
    statement.run(connection, [("second", 1), ("other", 2)])
    assert [tuple(row) for row in LOOK_UP.rows(connection, (1, 2))] == [(1, "first"), (2, "other")]


def test_rows_may_be_made_one_by_one(connection: Connection) -> None:
    statement = insert_new(THING, ["id", "name"])
    statement.run(connection, ({"id": number, "name": "x", "unknown": 1} for number in (1, 2)))
    statement.run(connection, iter(()))
    assert len(LOOK_UP.rows(connection, (1, 2, 3))) == 2
