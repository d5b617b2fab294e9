"""Events that were given up."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, case, func, select, tuple_, update

from owa.module_api import Failed, FailedFilter, Key, Place, State, Trouble
from owa.modules.database_queue.rows import BROKEN, NO_LEASE, UNHANDLED, failed_of, finished, of_keys, trouble_of
from owa.modules.database_queue.table import QUEUE_ITEM


class FailedEvents:
    """They stay until somebody retries or discards them."""

    def failed(
        self, connection: Connection, wanted: FailedFilter, limit: int, before: Place | None = None
    ) -> list[Failed]:
        table = QUEUE_ITEM.c
        place = table.last_attempt_timestamp, table.id, table.handler
        statement = select(QUEUE_ITEM).where(table.status == BROKEN)
        if wanted.event_type:
            statement = statement.where(table.event_type == wanted.event_type)
        if wanted.site_id:
            statement = statement.where(table.site_id == wanted.site_id)
        if wanted.handler is not None:
            statement = statement.where(table.handler == wanted.handler)
        if before:
            statement = statement.where(tuple_(*place) < before)
        statement = statement.order_by(*(column.desc() for column in place)).limit(limit)
        return [failed_of(row) for row in connection.execute(statement).mappings()]

    def troubles(self, connection: Connection, most: int) -> list[Trouble]:
        found = []
        for state, status in ((State.RETRYING, UNHANDLED), (State.FAILED, BROKEN)):
            tried = _tried(status).limit(most + 1).subquery()
            failing = tried.c.failed_attempt_count > 0 if state is State.RETRYING else tried.c.status == BROKEN
            count = connection.execute(select(func.count()).select_from(tried).where(failing)).scalar_one()
            since = func.coalesce(tried.c.failing_since, tried.c.last_attempt_timestamp, 0)
            first = select(tried, since.label("since")).where(failing).order_by(since).limit(1)
            found += [trouble_of(row, state, count) for row in connection.execute(first).mappings()]
        return found

    def failed_kinds(self, connection: Connection) -> Counter[tuple[str, str, str]]:
        kind = QUEUE_ITEM.c.event_type, QUEUE_ITEM.c.site_id, QUEUE_ITEM.c.handler
        statement = select(*kind, func.count()).where(QUEUE_ITEM.c.status == BROKEN).group_by(*kind)
        return Counter({(row[0], row[1], row[2]): row[3] for row in connection.execute(statement)})

    def find_failed(self, connection: Connection, key: Key) -> Failed | None:
        return next(iter(_failed(connection, [key])), None)

    def retry(self, connection: Connection, keys: Iterable[Key], now: int) -> list[Failed]:
        waits = QUEUE_ITEM.c.waits_for.is_not(None)
        anew = {
            "status": UNHANDLED,
            "failed_attempt_count": 0,
            "failing_since": None,
            "not_before_timestamp": case((waits, None), else_=now),
            "waiting_since": case((waits, now), else_=None),
        }
        return _settle(connection, keys, anew)

    def discard(self, connection: Connection, keys: Iterable[Key], now: int) -> list[Failed]:
        return _settle(connection, keys, finished(now))


def _failed(connection: Connection, keys: Iterable[Key]) -> list[Failed]:
    found = []
    for mine in of_keys(keys):
        statement = select(QUEUE_ITEM).where(mine, QUEUE_ITEM.c.status == BROKEN).order_by(QUEUE_ITEM.c.id)
        found += [failed_of(row) for row in connection.execute(statement).mappings()]
    return found


def _settle(connection: Connection, keys: Iterable[Key], values: dict[str, Any]) -> list[Failed]:
    """Change failed events, and end whatever lease is left on them; returns what they were."""
    found = _failed(connection, keys)
    for mine in of_keys(failed.key for failed in found):
        connection.execute(update(QUEUE_ITEM).where(mine).values({**NO_LEASE, **values}))
    return found


def _tried(status: str) -> Select[Any]:
    """Rows that have been tried, the longest untried first; the index of failed events leads through them."""
    table = QUEUE_ITEM.c
    tried = table.last_attempt_timestamp > 0
    return select(QUEUE_ITEM).where(table.status == status, tried).order_by(table.last_attempt_timestamp)
