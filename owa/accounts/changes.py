"""What is changed about accounts, with its entry in the audit trail. Passwords never get there."""

from typing import Any

from sqlalchemy import Connection

from owa.accounts import audit, logins, throttle, users
from owa.accounts.audit import Actor
from owa.accounts.users import User
from owa.errors import UsageError


def add(connection: Connection, actor: Actor, user: User, password: str, now: int) -> None:
    """Raises `UsageError`, as all of these do."""
    users.add_user(connection, user, password, now)
    audit.record(connection, actor, now, "add user", user.user_id, after=_shown(connection, user.user_id))


def change(connection: Connection, actor: Actor, user: User, now: int, *, but: str = "") -> None:
    """All but name and password. Another role ends his logins, but for the one with the key `but`."""
    before = _shown(connection, user.user_id)
    users.change_user(connection, user, now, but=but)
    after = _shown(connection, user.user_id)
    if before != after:
        audit.record(connection, actor, now, "change user", user.user_id, before, after)


def set_password(connection: Connection, actor: Actor, user_id: str, password: str, now: int, *, but: str = "") -> None:
    """Ends his logins, but for the one with the key `but`; failed attempts at his name are forgotten."""
    users.set_password(connection, user_id, password, now, but=but)
    throttle.forgive(connection, throttle.name_subject(user_id))
    audit.record(connection, actor, now, "change password", user_id)


def end_logins(connection: Connection, actor: Actor, user_id: str, now: int, *, but: str = "") -> int:
    """Returns how many have ended."""
    users.existing_user(connection, user_id)
    ended = logins.end_all(connection, user_id, but=but)
    audit.record(connection, actor, now, "end logins", user_id, after={"ended": ended})
    return ended


def remove(connection: Connection, actor: Actor, user_id: str, now: int) -> None:
    """Nobody removes himself."""
    if user_id == actor.user_id:
        raise UsageError("You cannot remove yourself.", "Another admin can.")
    before = _shown(connection, user_id)
    users.remove_user(connection, user_id)
    audit.record(connection, actor, now, "remove user", user_id, before=before)


def _shown(connection: Connection, user_id: str) -> dict[str, Any]:
    user = users.existing_user(connection, user_id)
    return {
        "role": user.role,
        "real name": user.real_name,
        "e-mail address": user.email_address,
        "sites": sorted(user.sites),
    }
