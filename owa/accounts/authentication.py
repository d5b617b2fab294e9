"""Whether somebody is who he says: the one place where passwords are tried."""

from dataclasses import dataclass

from owa.accounts import audit, logins, throttle
from owa.accounts.audit import Actor
from owa.accounts.passwords import hashed, is_outdated, verify
from owa.accounts.users import note_login, password_hash, store_password
from owa.clock import Clock
from owa.db.engine import Database
from owa.errors import UsageError


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a password comes from."""

    address: str
    """Empty when it is not known."""
    user_agent: str = ""


class LoginRefused(UsageError):
    """The password was wrong, or was not looked at: there were too many attempts."""

    def __init__(self, message: str, remedy: str = "", wait: int = 0) -> None:
        super().__init__(message, remedy)
        self.wait = wait
        """Seconds until the next attempt; 0 where the password was wrong."""


class Gate:
    """Tries passwords, slower and slower."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def log_in(self, visitor: Visitor, user_id: str, password: str, earlier: str = "") -> str:
        """Returns the token of a new login; the one with the key `earlier` ends. Raises `LoginRefused`, which says
        nothing about which of the two was wrong."""
        stored = self._try(visitor, user_id, password, "Name and password do not belong together.")
        fresh = hashed(password) if is_outdated(stored) else ""
        now = self._clock.now()
        with self._database.writing() as connection:
            if password_hash(connection, user_id) != stored:
                raise LoginRefused("The password was changed at this moment.", "Try again.")
            if fresh:
                store_password(connection, user_id, fresh)
            note_login(connection, user_id, now)
            logins.end(connection, earlier)
            audit.record(connection, Actor(user_id, visitor.address), now, "log in", user_id)
            return logins.begin(connection, user_id, now, visitor.address, visitor.user_agent)

    def confirm(self, visitor: Visitor, user_id: str, password: str) -> None:
        """Make sure that it is his password. Raises `LoginRefused`."""
        self._try(visitor, user_id, password, "The current password is another one.")

    def _try(self, visitor: Visitor, user_id: str, password: str, complaint: str) -> str:
        """Returns what is stored of the password."""
        now = self._clock.now()
        name, address = throttle.name_subject(user_id), throttle.address_subject(visitor.address)
        with self._database.writing() as connection:
            wait = throttle.attempt(connection, (name, address), now)
            stored = password_hash(connection, user_id)
        if wait:
            raise LoginRefused("Too many attempts have failed.", f"Try again in {wait} s.", wait)
        right = verify(stored, password)
        with self._database.writing() as connection:
            if right:
                throttle.forgive(connection, name)
                throttle.take_back(connection, address)
            elif stored:  # names that nobody has may be passwords in the wrong field: the trail has none of them
                audit.record(connection, Actor(user_id, visitor.address), now, "fail to log in", user_id)
        if stored is None or not right:
            raise LoginRefused(complaint)
        return stored
