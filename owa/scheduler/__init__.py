"""Drains the queues and cleans up, from within the web processes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from owa.clock import Clock
from owa.db.engine import Database
from owa.scheduler.jobs import Job, Scope
from owa.scheduler.leadership import Leadership, OnOneServer, OnThisServer
from owa.scheduler.paused import PausedJobs
from owa.scheduler.scheduler import Scheduler


def schedule(jobs: Sequence[Job], queue_folder: Path, database: Database, clock: Clock) -> Scheduler:
    """A scheduler of these jobs, not yet started. `queue_folder`: this server's, which holds the locks."""

    return Scheduler(jobs, leaderships(queue_folder, database, clock), PausedJobs(database).find)


def leaderships(queue_folder: Path, database: Database, clock: Clock) -> Callable[[Job], Leadership]:
    """What decides, for each job, whether this process runs it."""

    def leadership(job: Job) -> Leadership:
        if job.scope is Scope.SERVER:
            return OnThisServer(queue_folder / f"{job.name}.runner")
        return OnOneServer(job.name, database, clock)

    return leadership
