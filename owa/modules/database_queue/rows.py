"""The rows of `owa_queue_item`: from what is kept, and to what is told of it."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_

from owa.module_api import (
    Event,
    Failed,
    FailedState,
    Item,
    Kept,
    Key,
    Remaining,
    State,
    Trouble,
    chunks,
    dumps,
    loads,
)
from owa.modules.database_queue.table import QUEUE_ITEM

UNHANDLED, HANDLED, BROKEN = "unhandled", "handled", "broken"

COLUMNS = tuple(column.name for column in QUEUE_ITEM.columns if column.name != "handled_timestamp")
"""All that an insert sets."""

NO_LEASE: dict[str, Any] = {"owner": None, "lease_token": None, "lease_until": None, "is_assigned": 0}


def new_row(event: Event, now: int, handler: str = "") -> dict[str, Any]:
    """A row in which nothing has happened to the event yet; what remains to be done is to be filled in."""
    return {
        **dict.fromkeys(COLUMNS),
        "id": event.guid,
        "handler": handler,
        "event_type": event.event_type,
        "priority": 0,
        "status": UNHANDLED,
        "event": dumps(event),
        "insertion_timestamp": now,
        "failed_attempt_count": 0,
        "is_assigned": 0,
        "site_id": event.site_id,
        "server": event.server,
        "session_id": event.session_id,
        "visitor_id": event.visitor_id,
    }


def finished(now: int) -> dict[str, Any]:
    """What changes when there is nothing left to do."""
    return {
        "status": HANDLED,
        "handled_timestamp": now,
        "not_before_timestamp": None,
        "waits_for": None,
        **NO_LEASE,
    }


def of_keys(keys: Iterable[Key]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together hold for the rows of these keys."""
    by_handler: dict[str, list[int]] = {}
    for guid, handler in keys:
        by_handler.setdefault(handler, []).append(guid)
    for handler, guids in by_handler.items():
        for part in chunks(guids):
            yield and_(QUEUE_ITEM.c.id.in_(part), QUEUE_ITEM.c.handler == handler)


def trouble_of(row: RowMapping, state: State, count: int) -> Trouble:
    """Of a row with its `since`."""
    return Trouble(
        state=state,
        count=count,
        guid=row["id"],
        event_type=row["event_type"],
        site_id=row["site_id"],
        handler=row["handler"],
        error=row["last_error_msg"] or "",
        since=row["since"],
    )


def state_of(row: RowMapping) -> State:
    """Of a row that is not finished."""
    if row["status"] == BROKEN:
        return State.FAILED
    if row["waits_for"] is not None:
        return State.WAITING
    return State.QUEUED if row["handler"] and not row["failed_attempt_count"] else State.RETRYING


def item_of(row: RowMapping) -> Item:
    """Raises `RecordError` or `ValueError` when it cannot be read."""
    return Item(
        event=loads(row["event"]),
        remaining=Remaining(row["remaining"]),
        attempts=row["failed_attempt_count"],
        inserted_at=row["insertion_timestamp"],
        failing_since=row["failing_since"],
        handler=row["handler"],
    )


def kept_of(row: RowMapping) -> Kept:
    """Raises `RecordError` when it cannot be read."""
    return Kept(
        event=loads(row["event"]),
        state=state_of(row),
        error=row["last_error_msg"] or "",
        due_at=row["not_before_timestamp"],
        handler=row["handler"],
    )


def failed_of(row: RowMapping) -> Failed:
    return Failed(
        guid=row["id"],
        event_type=row["event_type"],
        site_id=row["site_id"],
        server=row["server"],
        payload=row["event"],
        remaining=Remaining(row["remaining"]) if row["remaining"] in list(Remaining) else Remaining.EVERYTHING,
        waited_for=row["waits_for"] or row["waited_for"] or "",
        error=row["last_error_msg"] or "",
        trace=row["last_error_trace"] or "",
        attempts=row["failed_attempt_count"],
        inserted_at=row["insertion_timestamp"],
        failing_since=row["failing_since"],
        failed_at=row["last_attempt_timestamp"],
        handler=row["handler"],
        handled_by=row["handled_by"] or "",
        duration=row["handler_duration"],
        state=_STATES[row["status"]],
        fingerprint=row["fingerprint"] or "",
        due_at=row["not_before_timestamp"] if row["status"] == UNHANDLED else None,
        discarded_at=row["discarded_at"],
    )


_STATES = {BROKEN: FailedState.FAILED, UNHANDLED: FailedState.RETRYING, HANDLED: FailedState.DISCARDED}
