"""The migrations make the tables that the code declares."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

import owa.db.migrate
from owa.app import CORE_SETTINGS
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.db.migrate import is_current, upgrade
from owa.errors import DatabaseUnavailable
from owa.registry import load
from tests.page_views import open_processing, page_view
from tests.postgresql import NewUrl

assert CORE_SETTINGS  # with the import of the composition root, all core tables are declared
load()  # and the modules' tables


@pytest.fixture
def database(empty_url: NewUrl) -> Iterator[Database]:
    opened = Database(empty_url())
    yield opened
    opened.close()


def config(connection: Connection) -> Config:
    found = Config()
    found.set_main_option("script_location", str(Path(owa.db.migrate.__file__).parent / "migrations"))
    found.attributes["connection"] = connection
    return found


def test_migrated_tables_are_those_that_are_declared(database: Database) -> None:
    upgrade(database)
    with database.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_a_difference_would_be_seen(database: Database) -> None:
    upgrade(database)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE owa_session DROP COLUMN goal_7")
        connection.exec_driver_sql("DROP INDEX owa_session_day")
    with database.reading() as connection:
        assert len(compare_metadata(MigrationContext.configure(connection), METADATA)) == 2


def test_is_current_tells_whether_tables_are_up_to_date(database: Database) -> None:
    assert not is_current(database)
    upgrade(database)
    assert is_current(database)


def test_upgrade_twice_is_harmless(tmp_path: Path, new_url: NewUrl) -> None:
    processing = open_processing(tmp_path, url=new_url())
    processing.settle(page_view(first=True))
    before = {name: processing.rows(table) for name, table in METADATA.tables.items() if table.primary_key.columns}
    upgrade(processing.database)
    assert {name: processing.rows(METADATA.tables[name]) for name in before} == before
    processing.database.close()


def test_downgrade_leaves_nothing_and_upgrade_comes_back(database: Database) -> None:
    upgrade(database)
    with database.writing() as connection:
        command.downgrade(config(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(database)
    with database.reading() as connection:
        assert set(METADATA.tables) <= set(inspect(connection).get_table_names())


def test_what_is_queued_moves_to_the_new_key_and_back(database: Database) -> None:
    with database.writing() as connection:
        command.upgrade(config(connection), "0005")
        for number in (2, 1):
            connection.exec_driver_sql(
                "INSERT INTO owa_queue_item (id, event_type, priority, status, event, insertion_timestamp, "
                "failed_attempt_count, is_assigned, handler_duration, site_id, server, waits_for, remaining) "
                f"VALUES ({number}, 'x.y', 0, 'unhandled', 'ab', 5, 3, 0, 7, 's1', 9, 'key', 'session')"
            )
    queued = "SELECT id, event_type, event, failed_attempt_count, handler_duration, waits_for FROM owa_queue_item"
    with database.reading() as connection:
        before = sorted(tuple(row) for row in connection.exec_driver_sql(queued))
    upgrade(database)
    with database.writing() as connection:
        assert sorted(tuple(row) for row in connection.exec_driver_sql(queued)) == before
        assert set(connection.exec_driver_sql("SELECT handler FROM owa_queue_item").scalars()) == {""}
        connection.exec_driver_sql("UPDATE owa_queue_item SET handler = 'a:b' WHERE id = 2")
        command.downgrade(config(connection), "0005")
        assert [tuple(row) for row in connection.exec_driver_sql(queued)] == before[:1]


def test_without_tables_the_remedy_is_named(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="cmd=install"), database.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM owa_request")
