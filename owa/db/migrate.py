"""Creates and updates the tables, by Alembic: OWA's, and those of modules that have their own."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from owa.db.engine import Database

VERSION_TABLE = "alembic_version"


def upgrade(database: Database) -> None:
    """Bring the tables to the newest revision, in a new file if SQLite's is not there. Harmless where they are. Raises
    `DatabaseUnavailable`."""
    database.make_file()
    with database.writing() as connection:
        command.upgrade(_config(connection), "head")


def is_current(database: Database) -> bool:
    """Whether the tables are at the newest revision. Raises `DatabaseUnavailable`."""
    with database.reading() as connection:
        return _is_current(_config(connection))


def upgrade_module(connection: Connection, name: str, revisions: Path) -> None:
    """Bring a module's tables to the newest of its revisions, in the caller's transaction. Which one they have is kept
    in a table of its own. Raises what the revisions raise."""
    command.upgrade(_module_config(connection, name, revisions), "heads")


def is_module_current(database: Database, name: str, revisions: Path) -> bool:
    """Whether a module's tables are at the newest of its revisions. Raises `DatabaseUnavailable`, and what they raise
    when they are read."""
    with database.reading() as connection:
        return _is_current(_module_config(connection, name, revisions))


def _is_current(config: Config) -> bool:
    wanted = set(ScriptDirectory.from_config(config).get_heads())
    attributes = config.attributes
    options = {"version_table": attributes["version_table"]}
    found = MigrationContext.configure(attributes["connection"], opts=options).get_current_heads()
    return set(found) == wanted


def _config(connection: Connection, version_table: str = VERSION_TABLE) -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped(Path(__file__).parent / "migrations"))
    config.attributes |= {"connection": connection, "version_table": version_table}
    return config


def _module_config(connection: Connection, name: str, revisions: Path) -> Config:
    config = _config(connection, f"owa_alembic_{name}")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(revisions))
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
