"""What the suite of retry queues is told with."""

from collections.abc import Iterable

from sqlalchemy import Connection

from owa.events import Event
from owa.queues.contract import FailedFilter, Failure, Item, Lease, Remaining, RetryQueue, session_key

NOW = 1_795_300_000_000_000
"""Microseconds."""
LATER = NOW + 10**12
LONG = 10**9
"""How long leases last in these tests, in microseconds."""
KEY, OTHER_KEY = session_key("site", 1), session_key("site", 2)


def failure(event: Event, *, attempts: int = 1, retry_at: int | None = NOW + 30) -> Failure:
    return Failure(event, Remaining.EVERYTHING, "ValueError: no", "Traceback …", attempts, NOW, retry_at)


ALL = FailedFilter()


def fail(queue: RetryQueue, connection: Connection, *events: Event, at: int = NOW) -> None:
    """Give events up after three attempts."""
    queue.keep(connection, [failure(event, attempts=3, retry_at=None) for event in events], at)


def guids(items: Iterable[Item]) -> list[int]:
    return [item.event.guid for item in items]


def lease(
    queue: RetryQueue,
    connection: Connection,
    now: int,
    limit: int = 10,
    *,
    owner: str = "here:1",
    attempted_before: int | None = None,
) -> Lease:
    return queue.lease(connection, limit, now, until=now + LONG, owner=owner, attempted_before=attempted_before)
