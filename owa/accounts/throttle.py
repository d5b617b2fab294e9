"""Slows down who guesses passwords: by the name that is tried, and by the address that it comes from."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from owa.accounts.tables import LOGIN_FAILURE
from owa.clock import MICROSECONDS
from owa.db.bulk import dialect_insert

FREE = 5
"""Failures that cost nothing."""

LONGEST_WAIT = 900
"""Seconds. After so long without a failure, the earlier ones are forgotten."""


def seconds_to_wait(connection: Connection, subjects: Iterable[str], now: int) -> int:
    """How long the next attempt has to wait; 0: not at all. `now`: microseconds."""
    table = LOGIN_FAILURE.c
    rows = connection.execute(select(table.failures, table.last_at).where(table.subject.in_(list(subjects))))
    return max((_wait(failures, (now - last_at) / MICROSECONDS) for failures, last_at in rows), default=0)


def note_failure(connection: Connection, subjects: Iterable[str], now: int) -> None:
    insert = dialect_insert(connection.dialect.name)(LOGIN_FAILURE)
    table = LOGIN_FAILURE.c
    connection.execute(delete(LOGIN_FAILURE).where(table.last_at < now - LONGEST_WAIT * MICROSECONDS))
    merge = insert.on_conflict_do_update(
        index_elements=["subject"], set_={"failures": table.failures + 1, "last_at": insert.excluded.last_at}
    )
    for subject in subjects:
        connection.execute(merge, {"subject": subject[:300], "failures": 1, "last_at": now})


def forgive(connection: Connection, subject: str) -> None:
    """The right password was given."""
    connection.execute(delete(LOGIN_FAILURE).where(LOGIN_FAILURE.c.subject == subject[:300]))


def _wait(failures: int, since: float) -> int:
    if failures < FREE or since >= LONGEST_WAIT:
        return 0
    wait = min(LONGEST_WAIT, 1 << min(failures - FREE + 1, 10))
    return max(0, round(wait - since))
