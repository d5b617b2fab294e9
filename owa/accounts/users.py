"""User accounts."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, true, update

from owa.accounts import logins
from owa.accounts.passwords import check_password, hashed
from owa.accounts.roles import ADMIN, ROLES, Capability
from owa.accounts.rules import check_name, check_role, check_text
from owa.clock import MICROSECONDS
from owa.db.tables import SITE, SITE_USER, USER
from owa.errors import UsageError
from owa.settings import did_you_mean


@dataclass(frozen=True, slots=True)
class User:
    """An account, without its password."""

    user_id: str
    """The name to log in with."""
    role: str
    real_name: str = ""
    email_address: str = ""
    sites: frozenset[str] = frozenset()
    """Ids of the sites that he is given. An admin sees all."""
    last_login: int | None = None
    """Microseconds. Set by logging in only."""

    def may(self, capability: str) -> bool:
        return capability in ROLES.get(self.role, ())

    def sees(self, site_id: str) -> bool:
        return self.may(Capability.EDIT_SITES) or site_id in self.sites


def first_admin(connection: Connection) -> str | None:
    """The user id of the oldest admin; None when there is none."""
    found = select(USER.c.user_id).where(USER.c.role == ADMIN).order_by(USER.c.id).limit(1)
    return connection.execute(found).scalar_one_or_none()


def find_user(connection: Connection, user_id: str) -> User | None:
    found = _users(connection, USER.c.user_id == user_id)
    return found[0] if found else None


def all_users(connection: Connection) -> list[User]:
    """By their ids."""
    return _users(connection, true())


def password_hash(connection: Connection, user_id: str) -> str | None:
    """None: there is no such user, or he has no password."""
    return connection.execute(select(USER.c.password).where(USER.c.user_id == user_id)).scalar_one_or_none()


def store_password(connection: Connection, user_id: str, hash: str) -> None:
    """The same password, hashed anew."""
    connection.execute(update(USER).where(USER.c.user_id == user_id).values(password=hash))


def note_login(connection: Connection, user_id: str, now: int) -> None:
    connection.execute(update(USER).where(USER.c.user_id == user_id).values(last_login=now))


def add_user(connection: Connection, user: User, password: str, now: int) -> None:
    """`now`: microseconds. Raises `UsageError` when the name is taken or will not do, or the role is unknown."""
    _check(user)
    check_name(user.user_id)
    if find_user(connection, user.user_id):
        raise UsageError(f"There is a user {user.user_id} already.", "Choose another name.")
    seconds = now // MICROSECONDS
    connection.execute(
        insert(USER).values(
            user_id=user.user_id,
            password=_hashed(password),
            role=user.role,
            real_name=user.real_name or user.user_id,
            email_address=user.email_address,
            creation_date=seconds,
            last_update_date=seconds,
        )
    )
    _give_sites(connection, user.user_id, user.sites)


def change_user(connection: Connection, user: User, now: int, *, but: str = "") -> None:
    """Change all but the name and the password. Another role ends the user's logins, but for the one with the key
    `but`. Raises `UsageError` when nobody would be admin any more."""
    _check(user)
    before = existing_user(connection, user.user_id)
    if user.role != ADMIN:
        _keep_an_admin(connection, user.user_id)
    values = {"role": user.role, "real_name": user.real_name, "email_address": user.email_address}
    _change(connection, user.user_id, values, now)
    _give_sites(connection, user.user_id, user.sites)
    if user.role != before.role:
        logins.end_all(connection, user.user_id, but=but)


def set_password(connection: Connection, user_id: str, password: str, now: int, *, but: str = "") -> None:
    """Ends the user's logins, but for the one with the key `but`: whoever had the old password is out. Raises
    `UsageError` when there is no such user, or the password will not do."""
    existing_user(connection, user_id)
    _change(connection, user_id, {"password": _hashed(password)}, now)
    logins.end_all(connection, user_id, but=but)


def remove_user(connection: Connection, user_id: str) -> None:
    """Ends his logins too. Raises `UsageError` when nobody would be admin any more."""
    existing_user(connection, user_id)
    _keep_an_admin(connection, user_id)
    _give_sites(connection, user_id, ())
    logins.end_all(connection, user_id)
    connection.execute(delete(USER).where(USER.c.user_id == user_id))


def existing_user(connection: Connection, user_id: str) -> User:
    """Raises `UsageError` when there is no such user."""
    found = find_user(connection, user_id)
    if found is None:
        names = connection.execute(select(USER.c.user_id)).scalars()
        raise UsageError(f"There is no user {user_id}{did_you_mean(user_id, names)}")
    return found


def _change(connection: Connection, user_id: str, values: dict[str, str], now: int) -> None:
    own = update(USER).where(USER.c.user_id == user_id)
    connection.execute(own.values(last_update_date=now // MICROSECONDS, **values))


def _keep_an_admin(connection: Connection, user_id: str) -> None:
    others = select(func.count()).where(USER.c.role == ADMIN, USER.c.user_id != user_id)
    if not connection.execute(others).scalar_one():
        raise UsageError(f"{user_id} is the only admin.", "Make somebody else admin first.")


def _check(user: User) -> None:
    check_role(user.role)
    check_text("real name", user.real_name)
    check_text("e-mail address", user.email_address)


def _hashed(password: str) -> str:
    check_password(password)
    return hashed(password)


def _give_sites(connection: Connection, user_id: str, sites: Collection[str]) -> None:
    number = connection.execute(select(USER.c.id).where(USER.c.user_id == user_id)).scalar_one_or_none()
    connection.execute(delete(SITE_USER).where(SITE_USER.c.user_id == number))
    ids = connection.execute(select(SITE.c.id).where(SITE.c.site_id.in_(sites))).scalars().all()
    if ids:
        connection.execute(insert(SITE_USER), [{"site_id": site, "user_id": number} for site in ids])


def _users(connection: Connection, which: ColumnElement[bool]) -> list[User]:
    rows = connection.execute(select(USER).where(which).order_by(USER.c.user_id)).mappings().all()
    given = select(SITE_USER.c.user_id, SITE.c.site_id).join(SITE, SITE_USER.c.site_id == SITE.c.id)
    sites: dict[int, set[str]] = {}
    for number, site_id in connection.execute(given.join(USER, USER.c.id == SITE_USER.c.user_id).where(which)):
        sites.setdefault(number, set()).add(site_id)
    return [
        User(
            user_id=row["user_id"],
            role=row["role"] or "",
            real_name=row["real_name"] or "",
            email_address=row["email_address"] or "",
            sites=frozenset(sites.get(row["id"], ())),
            last_login=row["last_login"],
        )
        for row in rows
    ]
