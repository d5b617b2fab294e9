"""Events that were given up, that are tried again, or that were discarded."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, literal, or_, select, update

from owa.module_api import MOST, Capped, Failed, FailedFilter, FailedState, Key, Place, State, Trouble
from owa.modules.database_queue.glance import count_up_to
from owa.modules.database_queue.rows import BROKEN, NO_LEASE, UNHANDLED, failed_of, finished, of_keys, trouble_of
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.modules.database_queue.wanted import matching, of_state, reach

LOOKED_AT = 200
"""Rows of those that fail that are looked at for the oldest."""

TABLE = QUEUE_ITEM.c
_SINCE = func.coalesce(TABLE.failing_since, TABLE.last_attempt_timestamp, 0).label("since")


class FailedEvents:
    """What was given up stays until somebody retries or discards it."""

    def failed(
        self,
        connection: Connection,
        wanted: FailedFilter,
        limit: int,
        before: Place | None = None,
        last: Place | None = None,
    ) -> list[Failed]:
        places = self.failed_places(connection, wanted, limit, before, last)
        found = {
            one.key: one
            for one in _failed(connection, [place[1:] for place in places], of_state(wanted.state, is_aside=True))
        }
        return [found[place[1:]] for place in places if place[1:] in found]

    def troubles(self, connection: Connection, most: int) -> list[Trouble]:
        found = []
        for state, status in ((State.RETRYING, UNHANDLED), (State.FAILED, BROKEN)):
            tried = _tried(status, TABLE.id, TABLE.handler, TABLE.failed_attempt_count, _SINCE).limit(LOOKED_AT)
            rows = [row for row in connection.execute(tried) if state is State.FAILED or row.failed_attempt_count]
            if not rows:
                continue
            first = min(rows, key=lambda row: int(row.since))
            of_first = QUEUE_ITEM.c.id == first.id, QUEUE_ITEM.c.handler == first.handler
            count = min(len(rows), most + 1)
            if len(rows) == LOOKED_AT:  # then by the index alone: those that an admin has just retried are among them
                count = count_up_to(connection, _tried(status, literal(1)), most + 1)
            row = connection.execute(select(QUEUE_ITEM, _SINCE).where(*of_first)).mappings().one()
            found.append(trouble_of(row, state, count))
        return found

    def failed_reach(self, connection: Connection, wanted: FailedFilter, before: Place | None = None) -> Place | None:
        return reach(connection, wanted, before)

    def failed_places(
        self,
        connection: Connection,
        wanted: FailedFilter,
        limit: int,
        before: Place | None = None,
        last: Place | None = None,
    ) -> list[Place]:
        statement = matching(wanted, before, last).limit(limit)
        return [(row[0], row[1], row[2]) for row in connection.execute(statement)]

    def count_failed(self, connection: Connection, wanted: FailedFilter) -> Capped:
        last = reach(connection, wanted, None)
        some = matching(wanted, last=last).limit(MOST + 1).subquery()
        number = connection.execute(select(func.count()).select_from(some)).scalar_one()
        return Capped(min(number, MOST), number > MOST or last is not None)

    def find_failed(self, connection: Connection, key: Key) -> Failed | None:
        any_state = or_(*(of_state(state) for state in FailedState))
        return next(iter(_failed(connection, [key], any_state)), None)

    def retry(
        self, connection: Connection, keys: Iterable[Key], now: int, state: FailedState = FailedState.FAILED
    ) -> list[Failed]:
        if state is FailedState.RETRYING:
            return _settle(connection, keys, state, {"not_before_timestamp": now}, _not_leased(now))
        waits = QUEUE_ITEM.c.waits_for.is_not(None)
        anew = {
            "status": UNHANDLED,
            "failed_attempt_count": 0,
            "failing_since": None,
            "not_before_timestamp": case((waits, None), else_=now),
            "waiting_since": case((waits, now), else_=None),
        }
        return _settle(connection, keys, state, anew)

    def discard(
        self, connection: Connection, keys: Iterable[Key], now: int, state: FailedState = FailedState.FAILED
    ) -> list[Failed]:
        done = {**finished(now), "discarded_at": now, "waited_for": QUEUE_ITEM.c.waits_for}
        conditions = (_not_leased(now),) if state is FailedState.RETRYING else ()
        return _settle(connection, keys, state, done, *conditions)

    def restore(self, connection: Connection, keys: Iterable[Key], now: int) -> list[Failed]:
        undone = {
            "status": BROKEN,
            "handled_timestamp": None,
            "discarded_at": None,
            "waits_for": QUEUE_ITEM.c.waited_for,
            "waited_for": None,
        }
        return _settle(connection, keys, FailedState.DISCARDED, undone)


def _failed(
    connection: Connection, keys: Iterable[Key], *conditions: ColumnElement[bool], is_changed: bool = False
) -> list[Failed]:
    found = []
    for mine in of_keys(keys):
        statement = select(QUEUE_ITEM).where(mine, *conditions).order_by(QUEUE_ITEM.c.id)
        if is_changed:  # a drain may be about to take it, or about to finish it
            statement = statement.with_for_update(skip_locked=True)
        found += [failed_of(row) for row in connection.execute(statement).mappings()]
    return found


def _not_leased(now: int) -> ColumnElement[bool]:
    return func.coalesce(TABLE.lease_until, 0) <= now


def _settle(
    connection: Connection,
    keys: Iterable[Key],
    state: FailedState,
    values: dict[str, Any],
    *conditions: ColumnElement[bool],
) -> list[Failed]:
    """Change events of that state, and end whatever lease is left on them; returns what they were."""
    found = _failed(connection, keys, of_state(state, is_aside=True), *conditions, is_changed=True)
    for mine in of_keys(failed.key for failed in found):
        connection.execute(update(QUEUE_ITEM).where(mine).values({**NO_LEASE, **values}))
    return found


def _tried(status: str, *columns: Any) -> Select[Any]:
    """Rows that have been tried, the longest untried first; the index of failed events leads through them."""
    tried = TABLE.last_attempt_timestamp > 0
    return select(*columns).where(TABLE.status == status, tried).order_by(TABLE.last_attempt_timestamp)
