"""Events that are somebody's for a while."""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, func, literal, or_, select, update

from owa.module_api import Item, Key, Lease, Overtaken
from owa.modules.database_queue.claims import CLAIMED, claim
from owa.modules.database_queue.rows import NO_LEASE, UNHANDLED, of_keys
from owa.modules.database_queue.table import QUEUE_ITEM


class LeasedEvents:
    """A leased event is due again when its lease ends: finding what is due is one look-up, whatever is leased."""

    def lease(
        self,
        connection: Connection,
        limit: int,
        now: int,
        *,
        until: int,
        owner: str,
        attempted_before: int | None = None,
        handler: str = "",
    ) -> Lease:
        due = _due(now, attempted_before, handler).limit(limit).with_for_update(skip_locked=True)
        claimed = claim(connection, due, now)
        token = str(uuid.uuid4())
        leased = {"owner": owner, "lease_token": token, "lease_until": until, "is_assigned": 1}
        for mine in of_keys(_keys(claimed.items)):
            connection.execute(update(QUEUE_ITEM).where(mine).values(not_before_timestamp=until, **leased))
        return Lease(claimed.items, claimed.unreadable, token)

    def due_handlers(self, connection: Connection, now: int) -> list[str]:
        return list(connection.execute(_DUE_HANDLERS, {"now": now}).scalars())

    def confirm(self, connection: Connection, lease: Lease) -> None:
        held = 0
        for mine in of_keys(_keys(lease.items)):
            still = select(QUEUE_ITEM.c.id).where(mine, QUEUE_ITEM.c.lease_token == lease.token)
            held += len(connection.execute(still.with_for_update()).all())
        if held != len(lease.items):
            raise Overtaken("The lease has ended, and another drain has taken up what it was for.")

    def owners(self, connection: Connection) -> list[str]:
        owner = QUEUE_ITEM.c.owner
        return list(connection.execute(select(owner).where(owner.is_not(None)).distinct()).scalars())

    def release(self, connection: Connection, owner: str, now: int) -> int:
        return _release(connection, QUEUE_ITEM.c.owner == owner, now)

    def end_lease(self, connection: Connection, lease: Lease, now: int) -> int:
        token = QUEUE_ITEM.c.lease_token == lease.token
        return sum(_release(connection, and_(mine, token), now) for mine in of_keys(_keys(lease.items)))


def _release(connection: Connection, which: ColumnElement[bool], now: int) -> int:
    return connection.execute(update(QUEUE_ITEM).where(which).values(not_before_timestamp=now, **NO_LEASE)).rowcount


def _keys(items: Iterable[Item]) -> Iterable[Key]:
    return (item.key for item in items)


def _due(now: int, attempted_before: int | None, handler: str) -> Select[Any]:
    table = QUEUE_ITEM.c
    due: ColumnElement[bool] = table.not_before_timestamp <= now
    if attempted_before is not None:
        due = or_(due, table.not_before_timestamp.is_not(None))
        due = and_(due, func.coalesce(table.last_attempt_timestamp, 0) < attempted_before)
        due = and_(due, func.coalesce(table.lease_until, 0) <= now)
    mine = table.status == UNHANDLED, table.handler == handler
    return select(*CLAIMED).where(*mine, due).order_by(table.not_before_timestamp)


def _due_handlers() -> Select[Any]:
    """One look-up a handler, however much is kept for it: from each the index leads to the next."""
    table = QUEUE_ITEM.c

    def after(handler: ColumnElement[str]) -> Any:
        following = select(func.min(table.handler)).where(table.status == UNHANDLED, table.handler > handler)
        return following.scalar_subquery()

    found = select(after(literal("")).label("handler")).cte("handlers", recursive=True)
    found = found.union_all(select(after(found.c.handler)).where(found.c.handler.is_not(None)))
    handler = found.c.handler
    due = table.status == UNHANDLED, table.handler == handler, table.not_before_timestamp <= bindparam("now")
    return select(handler).where(handler.is_not(None), exists().where(*due)).order_by(handler)


_DUE_HANDLERS = _due_handlers()
