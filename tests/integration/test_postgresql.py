"""What only a database server can do to us, and what only it promises."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection, Table, func, select

import owa.db.postgresql
from owa.analytics.tables import REQUEST
from owa.db.configuration import add_site
from owa.db.counts import Outcome
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.db.migrate import is_current, upgrade
from owa.db.tables import SITE
from owa.errors import DatabaseUnavailable, SettingsError
from owa.events import Event
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.queues.contract import Batch
from tests.page_views import Processing, open_processing, page_view
from tests.postgresql import NewUrl, PostgreSQL

ROUNDS = 25
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = '{}'"


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


@pytest.fixture
def processing(tmp_path: Path, url: str) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=url)
    yield opened
    opened.database.close()


def count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


# Many writers


def test_rows_are_those_of_one_processor_whoever_settles_what_at_the_same_moment(tmp_path: Path, url: str) -> None:
    rounds = [_round(number) for number in range(ROUNDS)]
    servers = [open_processing(tmp_path, url=url) for _ in range(3)]
    start = Barrier(len(servers))

    def run(server: Processing, number: int) -> None:
        shuffled = random.Random(number)
        for events in rounds:
            start.wait(60)
            server.settle(*shuffled.sample(events, len(events)))
            server.processor.retry()

    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(run, server, number) for number, server in enumerate(servers)]:
            done.result()
    alone = open_processing(tmp_path)
    alone.settle(*(event for events in rounds for event in events))
    for processing in (*servers, alone):
        processing.finish()
    for name in ("request", "session", "visitor", "document", "referer", "ua", "os", "host", "source_dim"):
        table = METADATA.tables[f"owa_{name}"]
        assert servers[0].rows(table) == alone.rows(table), name
    distinct = {event.guid for events in rounds for event in events}
    waiting = sum(row["status"] == "unhandled" for row in servers[0].rows(QUEUE_ITEM))
    assert servers[0].counts(Outcome.PROCESSED).total() == len(distinct) - waiting
    for processing in (*servers, alone):
        processing.database.close()


def _round(number: int) -> list[Event]:
    """Page views of a few sessions and visitors: some known, some new, and some of the round before."""
    drawn = random.Random(number)
    return [
        page_view(
            identity,
            at=random.Random(identity).uniform(0, 1_000),
            session=identity // 6 + 1,
            visitor=identity % 3 + 1,
            first=identity % 4 == 0,
            page_url=f"http://shop.example/{identity % 5}",
            page_title=f"title {identity}",
            nps=str(identity % 6),
        )
        for identity in (drawn.randrange(number * 20, number * 20 + 40) for _ in range(30))
    ]


def test_two_installs_at_once(postgresql: PostgreSQL) -> None:
    databases = [Database(url) for url in [postgresql.empty_database()] * 3]
    with ThreadPoolExecutor() as threads:
        list(threads.map(upgrade, databases))
    assert all(is_current(database) for database in databases)
    for database in databases:
        database.close()


def test_a_reader_sees_one_moment_and_waits_for_nobody(database: Database) -> None:
    with database.reading() as reader:
        assert count(reader, SITE) == 0
        with database.writing() as writer:
            add_site(writer, "http://a.example")
            assert count(reader, SITE) == 0
        assert count(reader, SITE) == 0
    with database.reading() as reader:
        assert count(reader, SITE) == 1


# A writer that does not end


def test_a_writer_waits_no_longer_than_its_patience(new_url: NewUrl, tmp_path: Path) -> None:
    processing = open_processing(tmp_path, url=new_url())
    with processing.database.writing():
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="Another process has been writing for long"):
            processing.processor.store_now(page_view(first=True), 0.3)
        assert 0.25 < time.monotonic() - started < 5
    processing.processor.store_now(page_view(first=True), 0.3)
    assert len(processing.rows(REQUEST)) == 1
    processing.database.close()


def test_a_writer_that_stands_still_is_ended_by_the_server(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owa.db.postgresql, "ABANDONED_AFTER", 1.0)
    other = Database(url)
    standing = ExitStack()
    add_site(standing.enter_context(database.writing()), "http://stopped.example")
    started = time.monotonic()
    with other.writing() as connection:
        add_site(connection, "http://other.example")
    assert 0.5 < time.monotonic() - started < 10
    with pytest.raises(DatabaseUnavailable, match="OWA tries again by itself"):
        standing.close()
    with database.writing() as connection:
        assert connection.execute(select(SITE.c.domain)).scalars().all() == ["http://other.example"]
    other.close()


# A server that goes away


def test_connections_that_the_server_closed_are_replaced(postgresql: PostgreSQL, database: Database) -> None:
    for _ in range(2):
        with database.writing() as connection, database.reading() as reader:
            assert count(reader, SITE) == count(connection, SITE) == 0
        postgresql.run(OTHERS.format(database.url.database))


def test_a_server_that_stops_before_the_commit(postgresql: PostgreSQL, processing: Processing) -> None:
    def stop(_connection: Connection) -> None:
        postgresql.stop()

    event = page_view(first=True)
    try:
        with pytest.raises(DatabaseUnavailable, match="OWA tries again by itself"):
            processing.processor.settle(Batch((event,), (), stop))
        with pytest.raises(DatabaseUnavailable, match="OWA tries again by itself"):
            processing.settle(event)
        with pytest.raises(DatabaseUnavailable):
            processing.processor.retry()
    finally:
        postgresql.start()
    assert processing.rows(REQUEST) == processing.rows(QUEUE_ITEM) == []
    assert processing.settle(event).processed == 1
    assert processing.counts(Outcome.PROCESSED).total() == 1


def test_a_connection_that_breaks_inside_of_a_batch_is_no_events_fault(
    postgresql: PostgreSQL, processing: Processing
) -> None:
    name = str(processing.database.url.database)
    _on_document(postgresql, name, "PERFORM pg_terminate_backend(pg_backend_pid())")
    events = [page_view(number, session=number, first=True) for number in range(1, 9)]
    with pytest.raises(DatabaseUnavailable):
        processing.settle(*events)
    postgresql.run("DROP TRIGGER poison ON owa_document", database=name)
    report = processing.settle(*events)
    assert (report.processed, report.retrying, report.failed) == (8, 0, 0)


# Events that a statement fails for


def test_an_event_whose_statement_fails_costs_only_itself(postgresql: PostgreSQL, processing: Processing) -> None:
    name = str(processing.database.url.database)
    _on_document(postgresql, name, "IF NEW.page_title = 'poison' THEN RAISE 'poisoned'; END IF")
    assert "poisoned" in settle_with(processing, page_view(9, session=19, page_title="poison"))


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (page_view(9, session=19, page_title="a\0b"), "NUL"),
        (page_view(9, session=19, at=3_000_000_000), "out of range"),
    ],
    ids=["NUL", "the year 2121"],
)
def test_what_a_column_does_not_hold_costs_only_itself(processing: Processing, event: Event, error: str) -> None:
    assert error in settle_with(processing, event)


def settle_with(processing: Processing, bad: Event) -> str:
    """Settle it among others, all of which must be stored; returns its error."""
    others = [page_view(number, session=number, first=True) for number in range(1, 8)]
    report = processing.settle(*others[:3], bad, *others[3:])
    assert (report.processed, report.retrying) == (7, 1)
    assert [row["id"] for row in processing.rows(REQUEST)] == [event.guid for event in others]
    (item,) = processing.rows(QUEUE_ITEM)
    assert item["id"] == bad.guid
    return str(item["last_error_msg"])


def test_the_least_text_is_the_least_by_its_bytes(database: Database) -> None:
    with database.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT collation_name FROM information_schema.columns WHERE table_name = 'owa_document' "
            "AND column_name = 'url'"
        )
        assert found.scalar_one() == "C"


# What an admin gets wrong


def test_plain_url_means_our_driver(url: str) -> None:
    database = Database(url.replace("postgresql+psycopg://", "postgresql://"))
    with database.reading() as connection:
        assert count(connection, SITE) == 0
    database.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql+psycopg2://x/y", "postgres://x/y"])
def test_other_databases_and_drivers_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="neither sqlite nor postgresql"):
        Database(url)


def test_a_database_that_is_not_there(postgresql: PostgreSQL) -> None:
    database = Database(postgresql.url("nowhere").render_as_string())
    with pytest.raises(DatabaseUnavailable, match=r'"nowhere" does not exist\. Mend OWA_DATABASE_URL'):
        is_current(database)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    database = Database(f"postgresql:///x?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable, match="OWA tries again by itself"):
        is_current(database)


def _on_document(postgresql: PostgreSQL, database: str, act: str) -> None:
    """Have the database do something when a document is inserted."""
    body = f"BEGIN {act}; RETURN NEW; END"
    postgresql.run(
        f"CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        "CREATE TRIGGER poison BEFORE INSERT ON owa_document FOR EACH ROW EXECUTE FUNCTION poison()",
        database=database,
    )
