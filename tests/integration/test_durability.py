"""How durable the database's commits are follows the setting, wherever that is."""

from pathlib import Path

import pytest

from owa.app import open_installation
from owa.db.configuration import store_settings
from owa.db.migrate import upgrade
from owa.queues.settings import DURABILITY

FULL, NORMAL = 2, 1


def synchronous(folder: Path, **environment: str) -> int:
    installation = open_installation({"OWA_DATA_DIR": str(folder), **environment}, {})
    with installation.database.reading() as connection:
        found: int = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    installation.close()
    return found


@pytest.mark.parametrize(("stored", "expected"), [("os", NORMAL), ("fsync", FULL)])
def test_stored_durability_counts_for_the_database(tmp_path: Path, stored: str, expected: int) -> None:
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path)}, {})
    upgrade(installation.database)
    with installation.database.writing() as connection:
        store_settings(connection, {DURABILITY.name: stored})
    installation.close()
    assert synchronous(tmp_path) == expected


def test_durability_of_the_environment_counts_for_the_database(tmp_path: Path) -> None:
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path)}, {})
    upgrade(installation.database)
    installation.close()
    assert synchronous(tmp_path, OWA_DURABILITY="fsync") == FULL
    assert synchronous(tmp_path) == NORMAL
