"""What the database lacks of the declared tables is found, on both databases."""

from owa.app import CORE_SETTINGS
from owa.db.engine import Database
from owa.db.migrate import upgrade
from owa.db.shape import Lack, lacks, make_missing
from owa.registry import load
from tests.postgresql import NewUrl

assert CORE_SETTINGS  # with the import of the composition root, all core tables are declared
load()  # and the modules' tables


def test_what_is_lacking_is_named_and_what_can_be_is_made(empty_url: NewUrl) -> None:
    database = Database(empty_url())
    upgrade(database)
    with database.reading() as connection:
        assert lacks(connection) == []
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE owa_queue_item")
        connection.exec_driver_sql("ALTER TABLE owa_session RENAME TO elsewhere")
        connection.exec_driver_sql("ALTER TABLE owa_document DROP COLUMN page_title")
    lost = Lack("owa_queue_item")
    by_hand = [Lack("owa_document", ("page_title",)), Lack("owa_session", renamed="elsewhere")]
    with database.reading() as connection:
        assert lacks(connection) == [by_hand[0], lost, by_hand[1]]
    with database.writing() as connection:
        assert make_missing(connection) == ([lost], by_hand)
    with database.reading() as connection:
        assert lacks(connection) == by_hand
    database.close()
