"""What somebody does with all failed events that match a filter: how far it has come, also when its process is gone."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, String, Table, Text, insert, select, update

from owa.clock import MICROSECONDS
from owa.db.metadata import METADATA, Id
from owa.node import has_ended, this_process

RUNNING, DONE, STOPPED, DISMISSED = "running", "done", "stopped", "dismissed"

SILENCE = 120
"""Seconds after which an act of another machine that says nothing is taken for stopped."""

FAILED_ACT = Table(
    "owa_failed_act",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("act", String(16), nullable=False),  # retry, discard, restore, retry_now, give_up
    Column("wanted", LargeBinary, nullable=False),  # the filter, as JSON
    Column("user_id", String(255), nullable=False),
    Column("process", String(255), nullable=False),
    Column("started_at", BigInteger, nullable=False),  # microseconds
    Column("updated_at", BigInteger, nullable=False),  # microseconds
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("passed_over", Integer, nullable=False),
    Column("result", String(16), nullable=False),
    Column("detail", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class FailedAct:
    """One such act."""

    number: int
    act: str
    """A value of `owa.processing.acts.Act`."""
    wanted: bytes
    """The filter."""
    user_id: str
    process: str
    started_at: int
    """Microseconds."""
    updated_at: int
    total: int
    """How many matched when it began."""
    done: int
    passed_over: int
    """How many were no more what they were when their turn came."""
    result: str
    """`running`, `done`, `stopped`, or `dismissed`: it has ended, and nobody wants to read of it any more."""
    detail: str
    """Why it stopped."""

    def is_running(self, now: int) -> bool:
        """Whether it goes on somewhere, as far as this machine can tell."""
        silent = now - self.updated_at > SILENCE * MICROSECONDS
        return self.result == RUNNING and not has_ended(self.process) and not silent


def begin(connection: Connection, act: str, wanted: bytes, user_id: str, total: int, now: int) -> int | None:
    """Note that one begins; returns its number. None: another one is under way."""
    last = latest(connection)
    if last and last.is_running(now):
        return None
    gone = {"result": STOPPED, "detail": "Its process has ended, or was silent for too long."}
    connection.execute(update(FAILED_ACT).where(FAILED_ACT.c.result == RUNNING).values(gone))
    row = {
        "act": act,
        "wanted": wanted,
        "user_id": user_id,
        "process": this_process(),
        "started_at": now,
        "updated_at": now,
        "total": total,
        "done": 0,
        "passed_over": 0,
        "result": RUNNING,
        "detail": "",
    }
    key = connection.execute(insert(FAILED_ACT).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def go_on(connection: Connection, number: int, now: int, *, done: int, passed_over: int) -> bool:
    """Note what else it has done. False: another one has taken its place."""
    return _update(
        connection,
        number,
        updated_at=now,
        done=FAILED_ACT.c.done + done,
        passed_over=FAILED_ACT.c.passed_over + passed_over,
    )


def end(connection: Connection, number: int, now: int, result: str, detail: str = "") -> None:
    _update(connection, number, updated_at=now, result=result, detail=detail[:1_000])


def dismiss(connection: Connection, number: int, now: int) -> None:
    """Somebody has read how the last one ended. One that is under way stays."""
    last = latest(connection)
    if last and last.number == number and not last.is_running(now):
        connection.execute(update(FAILED_ACT).where(FAILED_ACT.c.id == number).values(result=DISMISSED))


def latest(connection: Connection) -> FailedAct | None:
    """The last one."""
    statement = select(FAILED_ACT).order_by(FAILED_ACT.c.id.desc()).limit(1)
    row = connection.execute(statement).first()
    return FailedAct(*row) if row else None


def forget(connection: Connection, before: int) -> int:
    """Delete those that have said nothing since that moment; returns how many."""
    return connection.execute(FAILED_ACT.delete().where(FAILED_ACT.c.updated_at < before)).rowcount


def _update(connection: Connection, number: int, **values: Any) -> bool:
    mine = FAILED_ACT.c.id == number, FAILED_ACT.c.result == RUNNING
    return connection.execute(update(FAILED_ACT).where(*mine).values(values)).rowcount == 1
