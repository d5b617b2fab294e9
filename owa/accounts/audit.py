"""The trail of what was changed: who, when, what, before and after. Written in the transaction that changes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, func, insert, select, update

from owa.accounts.tables import AUDIT

MASK = "••••••"
"""What stands for a secret."""

Values = Mapping[str, Any]
"""JSON values, by what they are called. Secrets are masked by the caller."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something."""

    user_id: str
    """Of the account."""
    ip_address: str = ""


COMMAND_LINE = Actor("command line")
"""Whoever may run commands."""


BREAKER = Actor("circuit breaker")
"""What switches modules off that fail again and again."""


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the trail."""

    number: int
    at: int
    """Microseconds."""
    actor: Actor
    action: str
    """A verb and a noun, such as `change setting`."""
    subject: str
    before: Values
    after: Values


def record(
    connection: Connection,
    actor: Actor,
    now: int,
    action: str,
    subject: str,
    before: Values | None = None,
    after: Values | None = None,
) -> int:
    """Note a change; returns the entry's number. Of `before` and `after`, what is the same is left out."""
    old, new = dict(before or {}), dict(after or {})
    for name in [name for name in old if name in new and old[name] == new[name]]:
        del old[name], new[name]
    key = connection.execute(
        insert(AUDIT).values(
            at=now,
            user_id=actor.user_id,
            ip_address=actor.ip_address,
            action=action,
            subject=subject,
            before=orjson.dumps(old),
            after=orjson.dumps(new),
        )
    ).inserted_primary_key
    assert key is not None
    return int(key[0])


def amend(connection: Connection, number: int, after: Values) -> None:
    """Say what an entry came to, of a change that takes more than one transaction."""
    connection.execute(update(AUDIT).where(AUDIT.c.id == number).values(after=orjson.dumps(dict(after))))


def latest(connection: Connection, count: int, before: int | None = None) -> list[Change]:
    """The last `count` changes, of those with a lesser number than `before`; the last one first."""
    statement = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(count)
    if before is not None:
        statement = statement.where(AUDIT.c.id < before)
    return [_change(row) for row in connection.execute(statement).mappings()]


def about(connection: Connection, subject: str, among: int, count: int) -> list[Change]:
    """The last `count` changes of a subject that are among the last `among` of all, the last one first."""
    last = select(func.max(AUDIT.c.id)).scalar_subquery()
    statement = select(AUDIT).where(AUDIT.c.id > last - among, AUDIT.c.subject == subject)
    return [_change(row) for row in connection.execute(statement.order_by(AUDIT.c.id.desc()).limit(count)).mappings()]


def _change(row: RowMapping) -> Change:
    return Change(
        number=row["id"],
        at=row["at"],
        actor=Actor(row["user_id"], row["ip_address"]),
        action=row["action"],
        subject=row["subject"],
        before=orjson.loads(row["before"]),
        after=orjson.loads(row["after"]),
    )


def record_breaker(connection: Connection, module: str, now: int) -> None:
    """Note that the circuit breaker has switched a module off."""
    record(connection, BREAKER, now, "switch module", module, {"state": "on"}, {"state": "tripped"})
