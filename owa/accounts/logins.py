"""Open logins. The browser holds a random token, the database its hash: reading the database lets nobody in, and
deleting a row ends a login at once."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from owa.accounts.tables import LOGIN
from owa.clock import MICROSECONDS

IDLE = 12 * 3_600
"""Seconds after which a login that is not used ends."""

LONGEST = 14 * 86_400
"""Seconds after which any login ends."""

SEEN_INTERVAL = 60
"""Seconds between two notes of its use: reading a page should not write."""


@dataclass(frozen=True, slots=True)
class Login:
    """An open login."""

    key: str
    """Names it, and lets nobody in."""
    user_id: str
    began_at: int
    """Microseconds, as the next one."""
    seen_at: int
    ip_address: str
    user_agent: str


def begin(connection: Connection, user_id: str, now: int, ip_address: str, user_agent: str) -> str:
    """Returns the token for the browser: always a new one, whatever the browser had."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(LOGIN).values(
            token_hash=_key(token),
            user_id=user_id,
            began_at=now,
            seen_at=now,
            ip_address=ip_address[:64],
            user_agent=user_agent[:500].replace("\0", ""),
        )
    )
    return token


def find(connection: Connection, token: str, now: int) -> Login | None:
    """The login of a token, unless it has ended."""
    row = connection.execute(select(LOGIN).where(LOGIN.c.token_hash == _key(token))).mappings().first()
    if row is None or _has_ended(row, now):
        return None
    return _login(row)


def note_use(connection: Connection, login: Login, now: int) -> None:
    connection.execute(update(LOGIN).where(LOGIN.c.token_hash == login.key).values(seen_at=now))


def is_note_due(login: Login, now: int) -> bool:
    return now - login.seen_at > SEEN_INTERVAL * MICROSECONDS


def of_user(connection: Connection, user_id: str, now: int) -> list[Login]:
    """His open logins, the last used one first."""
    rows = connection.execute(select(LOGIN).where(LOGIN.c.user_id == user_id).order_by(LOGIN.c.seen_at.desc()))
    return [_login(row) for row in rows.mappings() if not _has_ended(row, now)]


def end(connection: Connection, key: str) -> None:
    connection.execute(delete(LOGIN).where(LOGIN.c.token_hash == key))


def end_all(connection: Connection, user_id: str, *, but: str = "") -> int:
    """End all logins of a user, but for the one of that key; returns how many."""
    own = delete(LOGIN).where(LOGIN.c.user_id == user_id, LOGIN.c.token_hash != but)
    return connection.execute(own).rowcount


def forget(connection: Connection, now: int) -> int:
    """Delete those that have ended; returns how many."""
    idle = LOGIN.c.seen_at < now - IDLE * MICROSECONDS
    return connection.execute(delete(LOGIN).where(or_(idle, LOGIN.c.began_at < now - LONGEST * MICROSECONDS))).rowcount


def _has_ended(row: RowMapping, now: int) -> bool:
    return bool(row["seen_at"] < now - IDLE * MICROSECONDS or row["began_at"] < now - LONGEST * MICROSECONDS)


def _key(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _login(row: RowMapping) -> Login:
    return Login(
        row["token_hash"], row["user_id"], row["began_at"], row["seen_at"], row["ip_address"], row["user_agent"]
    )
