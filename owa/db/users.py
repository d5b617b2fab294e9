"""User accounts, as far as installing needs them."""

import secrets

from argon2 import PasswordHasher
from sqlalchemy import Connection, insert, select

from owa.clock import MICROSECONDS
from owa.db.tables import USER


def first_admin(connection: Connection) -> str | None:
    """The user id of the oldest admin; None when there is none."""
    found = select(USER.c.user_id).where(USER.c.role == "admin").order_by(USER.c.id).limit(1)
    return connection.execute(found).scalar_one_or_none()


def add_admin(connection: Connection, user_id: str, password: str, now: int) -> None:
    """`now`: microseconds. The password is stored as an argon2id hash."""
    seconds = now // MICROSECONDS
    connection.execute(
        insert(USER).values(
            user_id=user_id,
            password=PasswordHasher().hash(password),
            role="admin",
            real_name=user_id,
            creation_date=seconds,
            last_update_date=seconds,
        )
    )


def random_password() -> str:
    """About 95 bits, without characters that are easily confused in a terminal."""
    return secrets.token_urlsafe(12)
