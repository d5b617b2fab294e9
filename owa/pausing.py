"""Pausing and resuming queues and jobs: for the admin's pages and the command line alike."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.accounts import audit
from owa.accounts.audit import Actor
from owa.contributions import INCOMING, PROCESSING
from owa.db import pauses
from owa.db.jobs import JOBS
from owa.db.pauses import JOB, QUEUE, Pause
from owa.errors import UsageError
from owa.settings import did_you_mean

if TYPE_CHECKING:
    from owa.app import Installation

QUEUES = (INCOMING, PROCESSING)

LONGEST_NOTE = 300


def pause(installation: "Installation", kind: str, name: str, actor: Actor, note: str = "") -> bool:
    """Let a queue or a job stand still on all servers. False: it did already. Raises `UsageError` when there is none of
    that name, `DatabaseUnavailable`."""
    _check_known(installation, kind, name)
    now = installation.clock.now()
    wanted = Pause(kind, name, now, actor.user_id, note.replace("\0", "")[:LONGEST_NOTE])
    with installation.database.writing() as connection:
        if not pauses.pause(connection, wanted):
            return False
        audit.record(connection, actor, now, f"pause {kind}", name, {}, {"note": wanted.note} if wanted.note else {})
    return True


def resume(installation: "Installation", kind: str, name: str, actor: Actor) -> Pause | None:
    """Let it go on; returns what has ended, None: it was not paused. What waits for its session has not aged meanwhile.
    Raises `DatabaseUnavailable`."""
    now = installation.clock.now()
    with installation.database.writing() as connection:
        ended = pauses.resume(connection, kind, name)
        if ended is None:
            return None
        if length := _not_counted(connection, ended, now):
            installation.retries.move_waiting(connection, length)
        before = {"paused by": ended.paused_by} | ({"note": ended.note} if ended.note else {})
        audit.record(connection, actor, now, f"resume {kind}", name, before)
    return ended


def _not_counted(connection: Connection, ended: Pause, now: int) -> int:
    """Microseconds for which this pause alone has kept waiting events from ageing. While the other queue is paused too,
    that one's end accounts for the time from its own beginning on."""
    if ended.kind != QUEUE:
        return 0
    others = [pause.paused_at for (kind, _), pause in pauses.paused(connection).items() if kind == QUEUE]
    return max(0, min([now, *others]) - ended.paused_at)


def _check_known(installation: "Installation", kind: str, name: str) -> None:
    known = QUEUES if kind == QUEUE else known_jobs(installation)
    if name not in known:
        raise UsageError(
            f"There is no {kind} {name!a:.100}{did_you_mean(name, known)}", f"{_plural(kind)}{', '.join(known)}."
        )


def known_jobs(installation: "Installation") -> tuple[str, ...]:
    """The names of all jobs: OWA's own, then those of modules that are on."""
    return (*JOBS, *(job.name for _, job in installation.registry.jobs))


def _plural(kind: str) -> str:
    return "Jobs: " if kind == JOB else "Queues: "
