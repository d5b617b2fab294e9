"""The retry queue on `owa_queue_item`. Every call works inside the caller's transaction."""

import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from owa.module_api import (
    BulkStatement,
    Claim,
    Event,
    Failed,
    FailedFilter,
    Failure,
    Item,
    Kept,
    Lease,
    Overtaken,
    QueueContext,
    QueueStatus,
    RecordError,
    Remaining,
    State,
    Unreadable,
    Waiting,
    bound,
    chunks,
    dumps,
    loads,
)
from owa.modules.database_queue.table import QUEUE_ITEM

UNHANDLED, HANDLED, BROKEN = "unhandled", "handled", "broken"

_COLUMNS = (
    "id",
    "event_type",
    "priority",
    "status",
    "event",
    "insertion_timestamp",
    "last_attempt_timestamp",
    "not_before_timestamp",
    "failed_attempt_count",
    "is_assigned",
    "owner",
    "lease_token",
    "lease_until",
    "last_error_msg",
    "site_id",
    "server",
    "waits_for",
    "waiting_since",
    "failing_since",
    "remaining",
    "last_error_trace",
)


_CLAIMED = tuple(
    QUEUE_ITEM.c[name]
    for name in (
        "id",
        "site_id",
        "server",
        "event",
        "remaining",
        "failed_attempt_count",
        "insertion_timestamp",
        "failing_since",
    )
)

_NO_LEASE: dict[str, Any] = {"owner": None, "lease_token": None, "lease_until": None, "is_assigned": 0}


class DatabaseQueue:
    """Keeps events one by one. A leased event is due again when its lease ends: finding what is due is one look-up,
    whatever is leased."""

    def wait(self, connection: Connection, waiting: Iterable[Waiting], now: int) -> None:
        _WAIT.run(
            connection,
            [
                {
                    **_row(item.event, now),
                    "waits_for": item.key,
                    "waiting_since": now,
                    "remaining": Remaining.SESSION.value,
                }
                for item in waiting
            ],
        )

    def keep(self, connection: Connection, failures: Iterable[Failure], now: int) -> None:
        _KEEP.run(
            connection,
            [
                {
                    **_row(failure.event, now),
                    "status": UNHANDLED if failure.retry_at is not None else BROKEN,
                    "not_before_timestamp": failure.retry_at,
                    "last_attempt_timestamp": now,
                    "failed_attempt_count": failure.attempts,
                    "failing_since": failure.failing_since,
                    "last_error_msg": failure.error,
                    "last_error_trace": failure.trace,
                    "remaining": failure.remaining.value,
                }
                for failure in failures
            ],
        )

    def wake(self, connection: Connection, keys: Iterable[str], now: int) -> int:
        woken = 0
        for part in chunks(keys):
            statement = update(QUEUE_ITEM).where(QUEUE_ITEM.c.waits_for.in_(part))
            woken += connection.execute(
                statement.values(status=UNHANDLED, waits_for=None, not_before_timestamp=now)
            ).rowcount
        return woken

    def waited_for(self, connection: Connection, limit: int, after: str = "") -> list[str]:
        key = QUEUE_ITEM.c.waits_for
        statement = select(key).where(key > after).distinct().order_by(key)
        return list(connection.execute(statement.limit(limit)).scalars())

    def overdue(self, connection: Connection, before: int, limit: int) -> list[str]:
        table = QUEUE_ITEM.c
        waiting = table.status == UNHANDLED, table.waits_for.is_not(None), table.waiting_since <= before
        longest = select(table.waits_for).where(*waiting).order_by(table.waiting_since).limit(limit)
        return list(dict.fromkeys(connection.execute(longest).scalars()))

    def claim_waiting(self, connection: Connection, key: str, limit: int, now: int) -> Claim:
        waiting = QUEUE_ITEM.c.waits_for == key, QUEUE_ITEM.c.status == UNHANDLED
        statement = select(*_CLAIMED).where(*waiting).order_by(QUEUE_ITEM.c.id).limit(limit)
        return self._claim(connection, statement.with_for_update(skip_locked=True), now)

    def give_up_waiting(self, connection: Connection, keys: Iterable[str], error: str, now: int) -> list[Event]:
        events = []
        for part in chunks(keys):
            waiting = QUEUE_ITEM.c.waits_for.in_(part), QUEUE_ITEM.c.status == UNHANDLED
            for text in connection.execute(select(QUEUE_ITEM.c.event).where(*waiting)).scalars():
                with suppress(RecordError):
                    events.append(loads(text))
            values = {"status": BROKEN, "last_error_msg": error, "last_attempt_timestamp": now}
            connection.execute(update(QUEUE_ITEM).where(*waiting).values(values))
        return events

    def move_waiting(self, connection: Connection, by: int) -> None:
        waiting = QUEUE_ITEM.c.waits_for.is_not(None)
        connection.execute(update(QUEUE_ITEM).where(waiting).values(waiting_since=QUEUE_ITEM.c.waiting_since + by))

    def lease(
        self,
        connection: Connection,
        limit: int,
        now: int,
        *,
        until: int,
        owner: str,
        attempted_before: int | None = None,
    ) -> Lease:
        due = _due(now, attempted_before).limit(limit).with_for_update(skip_locked=True)
        claim = self._claim(connection, due, now)
        token = str(uuid.uuid4())
        leased = {"owner": owner, "lease_token": token, "lease_until": until, "is_assigned": 1}
        for part in chunks(item.event.guid for item in claim.items):
            statement = update(QUEUE_ITEM).where(QUEUE_ITEM.c.id.in_(part))
            connection.execute(statement.values(not_before_timestamp=until, **leased))
        return Lease(claim.items, claim.unreadable, token)

    def confirm(self, connection: Connection, lease: Lease) -> None:
        table, held = QUEUE_ITEM.c, 0
        for part in chunks(item.event.guid for item in lease.items):
            mine = select(table.id).where(table.id.in_(part), table.lease_token == lease.token)
            held += len(connection.execute(mine.with_for_update()).all())
        if held != len(lease.items):
            raise Overtaken("The lease has ended, and another drain has taken up what it was for.")

    def owners(self, connection: Connection) -> list[str]:
        owner = QUEUE_ITEM.c.owner
        return list(connection.execute(select(owner).where(owner.is_not(None)).distinct()).scalars())

    def release(self, connection: Connection, owner: str, now: int) -> int:
        leased = update(QUEUE_ITEM).where(QUEUE_ITEM.c.owner == owner)
        return connection.execute(leased.values(not_before_timestamp=now, **_NO_LEASE)).rowcount

    def _claim(self, connection: Connection, statement: Select[Any], now: int) -> Claim:
        items, unreadable = [], []
        for row in connection.execute(statement).mappings():
            try:
                items.append(_item(row))
            except (RecordError, ValueError) as error:
                self._break(connection, row["id"], str(error), now)
                unreadable.append(Unreadable(row["site_id"], row["server"], str(error)))
        return Claim(tuple(items), tuple(unreadable))

    def done(self, connection: Connection, events: Iterable[Event], now: int) -> None:
        for part in chunks(event.guid for event in events):
            connection.execute(
                update(QUEUE_ITEM).where(QUEUE_ITEM.c.id.in_(part)).values(last_attempt_timestamp=now, **_finished(now))
            )

    def status(self, connection: Connection) -> QueueStatus:
        table = QUEUE_ITEM.c
        open_items = table.status == UNHANDLED
        waits = table.waits_for.is_not(None)
        figures = connection.execute(
            select(
                func.count().filter(open_items),
                func.min(table.insertion_timestamp).filter(open_items),
                func.count().filter(open_items, waits),
                func.count().filter(table.status == BROKEN),
            )
        ).one()
        depth, oldest, waiting, failed = figures
        return QueueStatus(depth, oldest, {"waiting": waiting, "retrying": depth - waiting, "failed": failed})

    def states(self, connection: Connection) -> Counter[tuple[int, str, State, Remaining]]:
        table = QUEUE_ITEM.c
        waits = table.waits_for.is_not(None)
        columns = (table.server, table.site_id, table.status, waits, table.remaining)
        statement = select(*columns, func.count()).where(table.status != HANDLED).group_by(*columns)
        found: Counter[tuple[int, str, State, Remaining]] = Counter()
        for server, site_id, status, is_waiting, remaining, count in connection.execute(statement):
            state = _state(status, bool(is_waiting))
            found[server, site_id, state, Remaining(remaining)] += count
        return found

    def latest(self, connection: Connection, count: int) -> list[Kept]:
        statement = select(QUEUE_ITEM).where(QUEUE_ITEM.c.status != HANDLED).order_by(QUEUE_ITEM.c.id.desc())
        kept = []
        for row in connection.execute(statement.limit(count)).mappings():
            with suppress(RecordError):
                kept.append(
                    Kept(
                        loads(row["event"]),
                        _state(row["status"], row["waits_for"] is not None),
                        row["last_error_msg"] or "",
                        row["not_before_timestamp"],
                    )
                )
        return kept

    def failed(
        self, connection: Connection, wanted: FailedFilter, limit: int, before: tuple[int, int] | None = None
    ) -> list[Failed]:
        table = QUEUE_ITEM.c
        statement = select(QUEUE_ITEM).where(table.status == BROKEN)
        if wanted.event_type:
            statement = statement.where(table.event_type == wanted.event_type)
        if wanted.site_id:
            statement = statement.where(table.site_id == wanted.site_id)
        if before:
            statement = statement.where(tuple_(table.last_attempt_timestamp, table.id) < before)
        last_first = table.last_attempt_timestamp.desc(), table.id.desc()
        return [_failed(row) for row in connection.execute(statement.order_by(*last_first).limit(limit)).mappings()]

    def failed_kinds(self, connection: Connection) -> Counter[tuple[str, str]]:
        kind = QUEUE_ITEM.c.event_type, QUEUE_ITEM.c.site_id
        statement = select(*kind, func.count()).where(QUEUE_ITEM.c.status == BROKEN).group_by(*kind)
        return Counter({(event_type, site_id): count for event_type, site_id, count in connection.execute(statement)})

    def find_failed(self, connection: Connection, guid: int) -> Failed | None:
        return next(iter(_failed_of(connection, [guid])), None)

    def retry(self, connection: Connection, guids: Iterable[int], now: int) -> list[Failed]:
        waits = QUEUE_ITEM.c.waits_for.is_not(None)
        anew = {
            "status": UNHANDLED,
            "failed_attempt_count": 0,
            "failing_since": None,
            "not_before_timestamp": case((waits, None), else_=now),
            "waiting_since": case((waits, now), else_=None),
        }
        return _settle(connection, guids, anew)

    def discard(self, connection: Connection, guids: Iterable[int], now: int) -> list[Failed]:
        return _settle(connection, guids, _finished(now))

    def flush(self, connection: Connection, before: int) -> int:
        table = QUEUE_ITEM.c
        finished = delete(QUEUE_ITEM).where(table.status == HANDLED, table.handled_timestamp < before)
        return connection.execute(finished).rowcount

    def _break(self, connection: Connection, guid: int, reason: str, now: int) -> None:
        connection.execute(
            update(QUEUE_ITEM)
            .where(QUEUE_ITEM.c.id == guid)
            .values(
                status=BROKEN,
                last_error_msg=reason,
                last_attempt_timestamp=now,
                not_before_timestamp=None,
                waits_for=None,
                **_NO_LEASE,
            )
        )


def open_database_queue(_context: QueueContext) -> DatabaseQueue:
    """The queue in the installation's database."""
    return DatabaseQueue()


def _due(now: int, attempted_before: int | None) -> Select[Any]:
    table = QUEUE_ITEM.c
    due: ColumnElement[bool] = table.not_before_timestamp <= now
    if attempted_before is not None:
        due = or_(due, table.not_before_timestamp.is_not(None))
        due = and_(due, func.coalesce(table.last_attempt_timestamp, 0) < attempted_before)
        due = and_(due, func.coalesce(table.lease_until, 0) <= now)
    return select(*_CLAIMED).where(table.status == UNHANDLED, due).order_by(table.not_before_timestamp)


def _state(status: str, is_waiting: bool) -> State:
    if status == BROKEN:
        return State.FAILED
    return State.WAITING if is_waiting else State.RETRYING


def _item(row: RowMapping) -> Item:
    return Item(
        event=loads(row["event"]),
        remaining=Remaining(row["remaining"]),
        attempts=row["failed_attempt_count"],
        inserted_at=row["insertion_timestamp"],
        failing_since=row["failing_since"],
    )


def _failed(row: RowMapping) -> Failed:
    return Failed(
        guid=row["id"],
        event_type=row["event_type"],
        site_id=row["site_id"],
        server=row["server"],
        payload=row["event"],
        remaining=Remaining.SESSION if row["remaining"] == Remaining.SESSION else Remaining.EVERYTHING,
        waited_for=row["waits_for"] or "",
        error=row["last_error_msg"] or "",
        trace=row["last_error_trace"] or "",
        attempts=row["failed_attempt_count"],
        inserted_at=row["insertion_timestamp"],
        failing_since=row["failing_since"],
        failed_at=row["last_attempt_timestamp"],
    )


def _failed_of(connection: Connection, guids: Iterable[int]) -> list[Failed]:
    found = []
    for part in chunks(guids):
        statement = select(QUEUE_ITEM).where(QUEUE_ITEM.c.id.in_(part), QUEUE_ITEM.c.status == BROKEN)
        found += [_failed(row) for row in connection.execute(statement.order_by(QUEUE_ITEM.c.id)).mappings()]
    return found


def _settle(connection: Connection, guids: Iterable[int], values: dict[str, Any]) -> list[Failed]:
    """Change failed events, and end whatever lease is left on them; returns what they were."""
    found = _failed_of(connection, guids)
    for part in chunks(failed.guid for failed in found):
        connection.execute(update(QUEUE_ITEM).where(QUEUE_ITEM.c.id.in_(part)).values({**_NO_LEASE, **values}))
    return found


def _finished(now: int) -> dict[str, Any]:
    return {
        "status": HANDLED,
        "handled_timestamp": now,
        "not_before_timestamp": None,
        "waits_for": None,
        **_NO_LEASE,
    }


def _row(event: Event, now: int) -> dict[str, Any]:
    return {
        **dict.fromkeys(_COLUMNS),
        "id": event.guid,
        "event_type": event.event_type,
        "priority": 0,
        "status": UNHANDLED,
        "event": dumps(event),
        "insertion_timestamp": now,
        "failed_attempt_count": 0,
        "is_assigned": 0,
        "site_id": event.site_id,
        "server": event.server,
    }


def _insert_or_change(changed: set[str]) -> BulkStatement:
    """Insert an event, or change these columns of the row that it has already."""

    def build(insert: Any) -> Any:
        statement = bound(insert(QUEUE_ITEM), _COLUMNS)
        return statement.on_conflict_do_update(
            index_elements=["id"], set_={name: statement.excluded[name] for name in sorted(changed)}
        )

    return BulkStatement(build)


_KEEP = _insert_or_change(set(_COLUMNS) - {"id", "insertion_timestamp"})
_WAIT = _insert_or_change(
    {"status", "not_before_timestamp", "waits_for", "waiting_since", "remaining", *_NO_LEASE},
)
"""Waiting is no attempt: what is known of failed ones stays."""
