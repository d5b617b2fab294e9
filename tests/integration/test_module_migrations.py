"""Modules with tables of their own: made when they are switched on, and changed when somebody asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from owa.accounts.audit import COMMAND_LINE, latest
from owa.app import Installation, open_installation
from owa.db.migrate import is_current, upgrade
from owa.db.modules import stored_modules
from owa.errors import UsageError
from owa.switching import switch_off, switch_on
from tests.contributing import FILES, HOOKED, SECOND_REVISION
from tests.packages import install_package

FIRST, SECOND = "hooked/revisions/0001_orders.py", "hooked/revisions/0002_prices.py"


@pytest.fixture
def environment(tmp_path: Path, packages: Path) -> dict[str, str]:
    install_package(packages, "hooked", HOOKED, files=FILES)
    return {"OWA_DATA_DIR": str(tmp_path / "data"), "OWA_HOOKED_KEY": "a"}


@pytest.fixture
def installation(environment: dict[str, str]) -> Iterator[Installation]:
    installation = open_installation(environment, {})
    upgrade(installation.database)
    yield installation
    installation.close()


def columns(installation: Installation, table: str = "hooked_order") -> list[str]:
    with installation.database.reading() as connection:
        return [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]


def actions(installation: Installation) -> list[str]:
    with installation.database.reading() as connection:
        return [f"{change.action} {change.subject}" for change in latest(connection, 10)][::-1]


def test_switching_on_makes_the_tables(installation: Installation) -> None:
    assert switch_on(installation, "hooked", COMMAND_LINE).migrated
    assert columns(installation) == ["number"]
    assert columns(installation, "owa_alembic_hooked") == ["version_num"]
    assert actions(installation) == ["migrate module hooked", "switch module hooked"]
    assert is_current(installation.database)
    assert installation.registry.modules["hooked"].is_ready


def test_switching_on_again_changes_nothing(installation: Installation) -> None:
    switch_on(installation, "hooked", COMMAND_LINE)
    assert not switch_on(installation, "hooked", COMMAND_LINE).migrated
    switch_off(installation, "hooked", COMMAND_LINE)
    assert columns(installation) == ["number"]
    switched = switch_on(installation, "hooked", COMMAND_LINE)
    assert (switched.changed, switched.migrated) == (True, False)


def test_a_new_version_is_not_called_before_somebody_has_migrated(
    installation: Installation, environment: dict[str, str], packages: Path
) -> None:
    switch_on(installation, "hooked", COMMAND_LINE)
    (packages / SECOND).write_text(SECOND_REVISION)
    started = open_installation(environment, {})
    loaded = started.registry.modules["hooked"]
    assert (loaded.works, loaded.needs_migration, loaded.is_ready) == (True, True, False)
    assert "hooked" not in {module for module, _ in started.registry.pages}
    switched = switch_on(started, "hooked", COMMAND_LINE)
    assert (switched.changed, switched.migrated) == (False, True)
    assert columns(started) == ["number", "price"]
    assert started.registry.modules["hooked"].is_ready
    generation = started.configuration.current().generation
    started.close()
    installation.configuration.refresh()
    assert installation.configuration.current().generation == generation  # the others take notice too


def test_a_revision_that_raises_leaves_all_as_it_was(installation: Installation, packages: Path) -> None:
    (packages / SECOND).write_text(SECOND_REVISION + "    raise ValueError('<b>no</b>')\n")
    with pytest.raises(UsageError, match="migration: ValueError: <b>no</b>"):
        switch_on(installation, "hooked", COMMAND_LINE)
    assert columns(installation) == columns(installation, "owa_alembic_hooked") == []
    assert actions(installation) == []
    assert not installation.registry.modules["hooked"].is_on
    installation.isolation.tell()
    with installation.database.reading() as connection:
        assert "Traceback" in stored_modules(connection)["hooked"].last_trace


@pytest.mark.parametrize("text", ["import sys; sys.exit(3)", "1 / 0", "not Python", "revision = '2'"])
def test_revisions_that_cannot_be_read_break_the_module_alone(
    installation: Installation, environment: dict[str, str], packages: Path, text: str
) -> None:
    switch_on(installation, "hooked", COMMAND_LINE)
    (packages / SECOND).write_text(text)
    started = open_installation(environment, {})
    assert "The migrations of hooked cannot be read: " in started.registry.modules["hooked"].error
    assert started.registry.modules["file_queue"].works
    started.close()
    (packages / SECOND).unlink()
