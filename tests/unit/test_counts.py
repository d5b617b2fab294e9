from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, Table, Text

from owa.db.bulk import chunks, insert_new
from owa.db.counts import Outcome, Tally, stored
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.db.tables import EVENT_COUNT


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'counts.db'}")
    with database.writing() as connection:
        METADATA.create_all(connection, tables=[EVENT_COUNT])
    yield database
    database.close()


def store(database: Database, *tallies: Tally) -> list[tuple[str, int, int, str]]:
    with database.writing() as connection:
        for tally in tallies:
            tally.store(connection)
        return [(row["outcome"], row["count"], row["last_at"], row["last_detail"]) for row in stored(connection)]


def tally(outcome: Outcome = Outcome.FAILED, *, at: int, detail: str = "", times: int = 1, site_id: str = "a") -> Tally:
    tally = Tally()
    tally.add(outcome, server=1, site_id=site_id, at=at, detail=detail, times=times)
    return tally


def test_counts_add_up_in_memory_and_in_the_table(database: Database) -> None:
    first = tally(at=1)
    first.add(Outcome.FAILED, server=1, site_id="a", at=2, times=4)
    assert first.total(Outcome.FAILED) == 5
    assert first.total(Outcome.PROCESSED) == 0
    assert store(database, first, tally(at=3, times=10)) == [("failed", 15, 3, "")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_latest_detail_is_kept_whatever_the_order(database: Database, order: tuple[int, ...]) -> None:
    tallies = [tally(at=1, detail="old"), tally(at=9, detail="new"), tally(at=5, detail="middle")]
    assert store(database, *[tallies[index] for index in order]) == [("failed", 3, 9, "new")]
    together = Tally()
    for index in order:
        together.add(
            Outcome.REFUSED, server=1, site_id="a", at=(1, 9, 5)[index], detail=("old", "new", "middle")[index]
        )
    assert ("refused", 3, 9, "new") in store(database, together)


def test_servers_sites_outcomes_and_reasons_are_counted_apart(database: Database) -> None:
    both = Tally()
    for server, site, outcome, reason in (
        (1, "a", Outcome.REFUSED, "robot"),
        (2, "a", Outcome.REFUSED, "robot"),
        (1, "b", Outcome.REFUSED, "robot"),
        (1, "a", Outcome.PROCESSED, "robot"),
        (1, "a", Outcome.REFUSED, "do_not_log"),
    ):
        both.add(outcome, server=server, site_id=site, at=1, reason=reason)
    assert [count for _, count, _, _ in store(database, both)] == [1] * 5


def test_counts_are_rolled_back_with_the_effects(database: Database) -> None:
    with suppress(ZeroDivisionError), database.writing() as connection:
        tally(at=1).store(connection)
        raise ZeroDivisionError
    assert store(database, Tally()) == []


THINGS = Table("things", METADATA.__class__(), Column("id", Integer, primary_key=True), Column("text", Text))


def test_insert_new_leaves_alone_what_is_there(database: Database) -> None:
    insert = insert_new(THINGS, ["id", "text"])
    with database.writing() as connection:
        THINGS.create(connection)
        assert insert.run(connection, []) == 0
        assert insert.run(connection, [{"id": 1, "text": "first"}]) == 1
        assert insert.run(connection, [{"text": "again", "id": 1, "more": "ignored"}, {"id": 2, "text": "new"}]) == 1
        rows = connection.execute(THINGS.select().order_by(THINGS.c.id)).all()
    assert rows == [(1, "first"), (2, "new")]


def test_chunks() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
