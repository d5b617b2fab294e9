"""User accounts."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from owa.accounts.passwords import hashed
from owa.accounts.roles import ADMIN, ROLES, Capability
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

    def may(self, capability: str) -> bool:
        return capability in ROLES.get(self.role, ())

    def sees(self, site_id: str) -> bool:
        return self.may(Capability.EDIT_SITES) or site_id in self.sites


def first_admin(connection: Connection) -> str | None:
    """The user id of the oldest admin; None when there is none."""
    found = select(USER.c.user_id).where(USER.c.role == ADMIN).order_by(USER.c.id).limit(1)
    return connection.execute(found).scalar_one_or_none()


def find_user(connection: Connection, user_id: str) -> User | None:
    row = connection.execute(select(USER).where(USER.c.user_id == user_id)).mappings().first()
    return _user(connection, row) if row else None


def all_users(connection: Connection) -> list[User]:
    """By their ids."""
    rows = connection.execute(select(USER).order_by(USER.c.user_id)).mappings().all()
    return [_user(connection, row) for row in rows]


def password_hash(connection: Connection, user_id: str) -> str | None:
    """None: there is no such user, or he has no password."""
    return connection.execute(select(USER.c.password).where(USER.c.user_id == user_id)).scalar_one_or_none()


def add_user(connection: Connection, user: User, password: str, now: int) -> None:
    """`now`: microseconds. Raises `UsageError` when the name is taken or the role unknown."""
    _check_role(user.role)
    if not user.user_id or user.user_id != user.user_id.strip() or len(user.user_id) > 255:
        raise UsageError("A user needs a name of 1 to 255 characters, without white space around it.")
    if find_user(connection, user.user_id):
        raise UsageError(f"There is a user {user.user_id} already.", "Choose another name.")
    seconds = now // MICROSECONDS
    connection.execute(
        insert(USER).values(
            user_id=user.user_id,
            password=hashed(password),
            role=user.role,
            real_name=user.real_name or user.user_id,
            email_address=user.email_address,
            creation_date=seconds,
            last_update_date=seconds,
        )
    )
    _give_sites(connection, user.user_id, user.sites)


def change_user(connection: Connection, user: User, now: int) -> None:
    """Change all but the name and the password. Raises `UsageError` when nobody would be admin any more."""
    _check_role(user.role)
    if user.role != ADMIN:
        _keep_an_admin(connection, user.user_id)
    values = {"role": user.role, "real_name": user.real_name, "email_address": user.email_address}
    _change(connection, user.user_id, values, now)
    _give_sites(connection, user.user_id, user.sites)


def set_password(connection: Connection, user_id: str, password: str, now: int) -> None:
    """Raises `UsageError` when there is no such user."""
    _change(connection, user_id, {"password": hashed(password)}, now)


def remove_user(connection: Connection, user_id: str) -> None:
    """Raises `UsageError` when nobody would be admin any more."""
    _keep_an_admin(connection, user_id)
    _give_sites(connection, user_id, ())
    connection.execute(delete(USER).where(USER.c.user_id == user_id))


def _change(connection: Connection, user_id: str, values: dict[str, str], now: int) -> None:
    own = update(USER).where(USER.c.user_id == user_id)
    if not connection.execute(own.values(last_update_date=now // MICROSECONDS, **values)).rowcount:
        names = connection.execute(select(USER.c.user_id)).scalars()
        raise UsageError(f"There is no user {user_id}{did_you_mean(user_id, names)}")


def _keep_an_admin(connection: Connection, user_id: str) -> None:
    others = select(func.count()).where(USER.c.role == ADMIN, USER.c.user_id != user_id)
    if not connection.execute(others).scalar_one():
        raise UsageError(f"{user_id} is the only admin.", "Make somebody else admin first.")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise UsageError(f"There is no role {role}{did_you_mean(role, ROLES)}", f"Roles: {', '.join(ROLES)}.")


def _give_sites(connection: Connection, user_id: str, sites: Collection[str]) -> None:
    number = connection.execute(select(USER.c.id).where(USER.c.user_id == user_id)).scalar_one_or_none()
    connection.execute(delete(SITE_USER).where(SITE_USER.c.user_id == number))
    ids = connection.execute(select(SITE.c.id).where(SITE.c.site_id.in_(sites))).scalars().all()
    if ids:
        connection.execute(insert(SITE_USER), [{"site_id": site, "user_id": number} for site in ids])


def _user(connection: Connection, row: RowMapping) -> User:
    given = select(SITE.c.site_id).join(SITE_USER, SITE_USER.c.site_id == SITE.c.id)
    sites = connection.execute(given.where(SITE_USER.c.user_id == row["id"])).scalars()
    return User(
        user_id=row["user_id"],
        role=row["role"] or "",
        real_name=row["real_name"] or "",
        email_address=row["email_address"] or "",
        sites=frozenset(sites),
    )
