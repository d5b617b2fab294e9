"""Who runs which job, when it ran last, and when it runs next."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from owa.clock import MICROSECONDS
from owa.db import jobs, modules, pauses
from owa.db.jobs import Run
from owa.db.pauses import JOB, QUEUE, Pause
from owa.files import FileLock
from owa.node import has_ended
from owa.scheduler.jobs import Job, Scope
from owa.scheduler.scheduler import FIRST_RUN

GONE = 60
"""Seconds after which a process that was not noted is taken for gone."""

START = 30
"""Seconds that somebody may take to begin with what is due."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Who runs a job: on one server, or for all."""

    server: int | None
    """None: it is not known."""
    process: str
    """Empty: none is known."""
    is_alive: bool | None
    """None: that cannot be seen from here."""
    last: Run | None
    next_at: int | None
    """Microseconds; about. None: nobody will run it as things are, or that cannot be known."""
    is_overdue: bool = False
    """Nobody runs it, although somebody should have begun to."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A job, as the admin sees it."""

    name: str
    interval: int
    """Seconds."""
    scope: Scope
    about: str
    """What a module says that it does; empty: it is OWA's own, or the module says nothing."""
    pause: Pause | None
    queue_pause: Pause | None
    """Of the queue that it drains."""
    runners: list[Runner] = field(default_factory=list)


def overview(
    connection: Connection, all_jobs: Iterable[Job], queue_folder: Path, server: int, now: int, since: int | None = None
) -> list[JobState]:
    """`queue_folder`, `server`: this one's. `since`: from when on this process has had a scheduler; None: it has none.
    Times in microseconds."""
    paused = pauses.paused(connection)
    leases = {row["job"]: row for row in jobs.leases(connection)}
    processes = modules.processes(connection, now - GONE * MICROSECONDS)
    servers = sorted({server, *(process.server for process in processes)})
    noted = {process.name for process in processes}
    states = []
    for job in all_jobs:
        about = job.contributed.about if job.contributed else ""
        queue_pause = paused.get((QUEUE, job.queue))
        state = JobState(job.name, job.interval, job.scope, about, paused.get((JOB, job.name)), queue_pause)
        if job.scope is Scope.ALL:
            lease = leases.get(job.name)
            owner = lease["owner"] if lease else ""
            # who has a job that is rarely due does not renew its lease meanwhile
            is_alive = lease is not None and (lease["until"] > now or owner in noted) and not has_ended(owner)
            state.runners.append(_runner(state, jobs.last(connection, job.name), None, owner, is_alive, now, since))
        else:
            for number in servers:
                held = is_held(queue_folder / f"{job.name}.runner") if number == server else None
                last = jobs.last(connection, job.name, server=number)
                state.runners.append(_runner(state, last, number, last.owner if last else "", held, now, since))
        states.append(state)
    return states


def is_held(lock: Path) -> bool:
    """Whether a process of this server has the lock. Who asks for it at this very moment asks again soon."""
    if not lock.exists():
        return False
    trial = FileLock(lock)
    try:
        if not trial.acquire():
            return True
    except OSError:
        return False
    trial.release()
    return False


def _runner(
    state: JobState,
    last: Run | None,
    server: int | None,
    process: str,
    is_alive: bool | None,
    now: int,
    since: int | None,
) -> Runner:
    next_at = _next_at(state, last, now, since) if is_alive or (is_alive is False and since is not None) else None
    is_overdue = is_alive is False and next_at is not None and now - next_at > START * MICROSECONDS
    if server is None and last and last.owner == process:
        server = last.server
    next_at = None if next_at is None or is_overdue or state.pause else max(now, next_at)
    return Runner(server, process, is_alive, last, next_at, is_overdue and not state.pause)


def _next_at(state: JobState, last: Run | None, now: int, since: int | None) -> int:
    """When it should be run, which may be over."""
    length = state.interval * MICROSECONDS
    first = min(length, FIRST_RUN * MICROSECONDS)
    if last is None:
        return (now if since is None else since) + first
    return last.started_at + length if since is None else max(last.started_at + length, since + first)
