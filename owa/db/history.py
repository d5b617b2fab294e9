"""How full the queues were, minute by minute, and how many events have left them. Small tables: a week of it is drawn
as charts."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, and_, delete, func, select

from owa.clock import MICROSECONDS
from owa.db.bulk import chunks, dialect_insert
from owa.db.metadata import METADATA

QUEUE_SAMPLE = Table(
    "owa_queue_sample",
    METADATA,
    Column("queue", String(64), primary_key=True),
    Column("server", Integer, primary_key=True, autoincrement=False),
    Column("minute", Integer, primary_key=True, autoincrement=False),  # since the epoch
    Column("depth", BigInteger, nullable=False),
    Column("oldest_age", BigInteger),  # seconds
    Column("taken", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Index("owa_queue_sample_minute", "minute"),
)

QUEUE_DONE = Table(
    "owa_queue_done",
    METADATA,
    Column("queue", String(64), primary_key=True),
    Column("server", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)

SHARED = 0
"""The server of a queue that all share."""

AGE = 8 * 86_400
"""Seconds for which samples are kept."""

MINUTE = 60 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Sample:
    """A queue in one minute, or in several: then as it was in the last of them, with the greatest depth and age."""

    queue: str
    server: int
    minute: int
    """Since the epoch."""
    depth: int
    oldest_age: int | None
    """For how many seconds its oldest event has been in it; None: it is empty."""
    taken: int
    """How many events have come into it so far: `done` and `depth`. Falls when events are discarded."""
    done: int
    """How many events have left it so far, whatever became of them."""


def count_done(connection: Connection, queue: str, server: int, count: int) -> None:
    """So many events more have left the queue. To be called in the transaction in which they do."""
    if count <= 0:
        return
    statement = dialect_insert(connection.dialect.name)(QUEUE_DONE).values(queue=queue, server=server, count=count)
    more = QUEUE_DONE.c.count + statement.excluded.count
    connection.execute(statement.on_conflict_do_update(index_elements=["queue", "server"], set_={"count": more}))


def note(connection: Connection, queue: str, server: int, now: int, depth: int, oldest_at: int | None) -> None:
    """Keep how the queue is now. The last note of a minute is the one that stays. Times in microseconds."""
    mine = (QUEUE_DONE.c.queue == queue) & (QUEUE_DONE.c.server == server)
    done = connection.execute(select(QUEUE_DONE.c.count).where(mine)).scalar() or 0
    age = None if oldest_at is None else max(0, now - oldest_at) // MICROSECONDS
    figures = {"depth": depth, "oldest_age": age, "taken": done + depth, "done": done}
    row: dict[str, Any] = {"queue": queue, "server": server, "minute": now // MINUTE, **figures}
    statement = dialect_insert(connection.dialect.name)(QUEUE_SAMPLE).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["queue", "server", "minute"], set_=figures))


def samples(connection: Connection, queue: str, server: int, since: int, step: int = 1) -> list[Sample]:
    """Those of a queue since that minute, oldest first. `step`: how many minutes become one; they begin where a
    multiple of it does."""
    table = QUEUE_SAMPLE.c
    of_queue = and_(table.queue == queue, table.server == server)
    mine = select(QUEUE_SAMPLE).where(of_queue, table.minute >= since).order_by(table.minute)
    if step <= 1:
        return [Sample(*row) for row in connection.execute(mine)]
    greatest = func.max(table.minute), func.max(table.depth), func.max(table.oldest_age)
    parts = select(*greatest).where(of_queue, table.minute >= since).group_by(table.minute - table.minute % step)
    found = {minute: (depth, age) for minute, depth, age in connection.execute(parts)}
    kept: list[Sample] = []
    for some in chunks(sorted(found)):  # looked up, not joined: a planner that knows too little would compare all pairs
        rows = select(QUEUE_SAMPLE).where(of_queue, table.minute.in_(some)).order_by(table.minute)
        kept += [Sample(*row) for row in connection.execute(rows)]
    return [replace(sample, depth=found[sample.minute][0], oldest_age=found[sample.minute][1]) for sample in kept]


def latest(connection: Connection, queue: str, since: int) -> list[Sample]:
    """The last sample of each server's queue since that minute, by server."""
    table = QUEUE_SAMPLE.c
    last = (
        select(table.server, func.max(table.minute).label("minute"))
        .where(table.queue == queue, table.minute >= since)
        .group_by(table.server)
        .subquery()
    )
    mine = and_(table.queue == queue, table.server == last.c.server, table.minute == last.c.minute)
    statement = select(QUEUE_SAMPLE).join_from(last, QUEUE_SAMPLE, mine).order_by(table.server)
    return [Sample(*row) for row in connection.execute(statement)]


def forget(connection: Connection, now: int) -> int:
    """Delete what is old enough; returns how many minutes of queues that were."""
    before = (now - AGE * MICROSECONDS) // MINUTE
    return connection.execute(delete(QUEUE_SAMPLE).where(QUEUE_SAMPLE.c.minute < before)).rowcount
