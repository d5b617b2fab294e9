"""The installation's own secrets, made when they are first needed, and shared by all of its servers."""

import secrets

from sqlalchemy import Connection, select

from owa.accounts.tables import SECRET
from owa.db.bulk import dialect_insert


def read_secret(connection: Connection, name: str) -> str | None:
    return connection.execute(select(SECRET.c.value).where(SECRET.c.name == name)).scalar_one_or_none()


def make_secret(connection: Connection, name: str) -> str:
    """The secret of that name; a new one if there is none."""
    insert = dialect_insert(connection.dialect.name)(SECRET).on_conflict_do_nothing()
    connection.execute(insert.values(name=name, value=secrets.token_urlsafe(32)))
    found = read_secret(connection, name)
    assert found is not None
    return found
