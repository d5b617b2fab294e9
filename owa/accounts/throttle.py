"""Slows down who guesses passwords: by the name that is tried, and by the address that it comes from.

An attempt is counted before its password is looked at, in the transaction that allowed it: of a hundred that come at
once, no more are allowed than of a hundred that come one after the other.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from owa.accounts.tables import LOGIN_FAILURE
from owa.clock import MICROSECONDS
from owa.db.bulk import dialect_insert

FREE = 5
"""Attempts that cost nothing."""

MEMORY = 86_400
"""Seconds without an attempt after which the earlier ones are forgotten."""

MOST = 10_000
"""Names and addresses that are remembered: whoever tries a million fills no table. The oldest ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose attempts are counted together."""

    key: str
    longest_wait: int
    """Seconds."""


def name_subject(user_id: str) -> Subject:
    """It waits for a minute at most: whoever attacks a name must not shut out its owner for long."""
    return Subject(f"user {user_id}"[:300], 60)


def address_subject(address: str) -> Subject:
    """Of IPv6, the network of 64 bits: an attacker has all of its addresses."""
    if ":" in address:
        address = str(ipaddress.ip_network((address, 64), strict=False))
    return Subject(f"address {address}"[:300], 900)


def attempt(connection: Connection, subjects: Iterable[Subject], now: int) -> int:
    """Count an attempt, and allow it (0), or tell how many seconds it has to wait. `now`: microseconds.

    What has to wait is not counted. `connection` must be one that writes: then there is one attempt at a time.
    """
    subjects = list(subjects)
    if wait := max(_wait(connection, subject, now) for subject in subjects):
        return wait
    forget(connection, now)
    insert, table = dialect_insert(connection.dialect.name)(LOGIN_FAILURE), LOGIN_FAILURE.c
    merge = insert.on_conflict_do_update(
        index_elements=["subject"], set_={"failures": table.failures + 1, "last_at": insert.excluded.last_at}
    )
    for subject in subjects:
        connection.execute(merge, {"subject": subject.key, "failures": 1, "last_at": now})
    return 0


def forgive(connection: Connection, name: Subject) -> None:
    """The name is free again."""
    connection.execute(delete(LOGIN_FAILURE).where(LOGIN_FAILURE.c.subject == name.key))


def take_back(connection: Connection, address: Subject) -> None:
    """The last attempt was none to guess. The earlier ones still count: who has an account of his own must not guess at
    others for ever."""
    table = LOGIN_FAILURE.c
    connection.execute(update(LOGIN_FAILURE).where(table.subject == address.key).values(failures=table.failures - 1))


def forget(connection: Connection, now: int) -> int:
    """Delete what has been remembered for long enough, or is too much; returns how many."""
    table = LOGIN_FAILURE.c
    forgotten = connection.execute(delete(LOGIN_FAILURE).where(table.last_at < now - MEMORY * MICROSECONDS)).rowcount
    surplus = connection.execute(select(func.count()).select_from(LOGIN_FAILURE)).scalar_one() - MOST
    if surplus > 0:
        oldest = select(table.subject).order_by(table.last_at, table.subject).limit(surplus)
        forgotten += connection.execute(delete(LOGIN_FAILURE).where(table.subject.in_(oldest))).rowcount
    return forgotten


def _wait(connection: Connection, subject: Subject, now: int) -> int:
    table = LOGIN_FAILURE.c
    row = connection.execute(select(table.failures, table.last_at).where(table.subject == subject.key)).first()
    if row is None or row.failures < FREE:
        return 0
    since = max(0, now - row.last_at) // MICROSECONDS
    wait = min(subject.longest_wait, 1 << min(row.failures - FREE + 1, 10))
    return max(0, wait - since) if since < MEMORY else 0
