"""Runs the migrations of modules that have tables of their own."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.accounts import audit
from owa.accounts.audit import Actor
from owa.db.engine import Database
from owa.errors import ModuleFailed, UsageError
from owa.registry import Loaded

if TYPE_CHECKING:
    from owa.app import Installation


def run_migrations(installation: "Installation", connection: Connection, loaded: Loaded, actor: Actor) -> bool:
    """Bring a module's tables to its newest revision, in the caller's transaction; False: they are. Raises `UsageError`
    when they cannot be: then the transaction must be rolled back."""
    if loaded.migrations is None:
        return False
    try:
        migrated = installation.isolation.run(
            loaded.name, "migration", _upgrade, installation.database, connection, loaded.name, loaded.migrations
        )
    except ModuleFailed as error:
        raise UsageError(str(error)) from error
    if migrated:
        audit.record(connection, actor, installation.clock.now(), "migrate module", loaded.name)
    return migrated


def _upgrade(database: Database, connection: Connection, name: str, revisions: Path) -> bool:
    from owa.db.migrate import is_module_current, upgrade_module  # Alembic takes a while to import

    if is_module_current(database, name, revisions):
        return False
    upgrade_module(connection, name, revisions)
    return True
