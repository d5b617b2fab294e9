"""One runner for each job: what may be done once on each server is held by a lock of the kernel, what may be done once
altogether by a lease in the database. Both pass on when the runner dies."""

from pathlib import Path
from typing import Protocol

from owa.clock import MICROSECONDS, Clock
from owa.db import jobs
from owa.db.engine import Database
from owa.files import FileLock
from owa.node import this_process

LEASE = 60
"""Seconds for which a job of all servers is held. Half of it before its end it is renewed."""


class Leadership(Protocol):
    """Decides who runs a job."""

    def holds(self) -> bool:
        """Whether this process runs it; tries to become the one who does. Raises `DatabaseUnavailable` or `OSError`."""

    def give_up(self) -> None:
        """Let another process run it. Raises `DatabaseUnavailable`."""


class OnThisServer:
    """The first process that asks has it until it ends: the kernel drops its lock then, however it died."""

    def __init__(self, lock: Path) -> None:
        """`lock`: a file in the folder of the queue that the job is about."""
        self._lock = FileLock(lock)

    def holds(self) -> bool:
        return self._lock.is_held or self._lock.acquire()

    def give_up(self) -> None:
        self._lock.release()


class OnOneServer:
    """The process with the lease has it. A lease passes on when it was not renewed in time, and at once when its owner
    was a process of this machine that has died."""

    def __init__(self, job: str, database: Database, clock: Clock) -> None:
        self._job = job
        self._database = database
        self._clock = clock
        self._token: str | None = None
        self._until = 0

    def holds(self) -> bool:
        now = self._clock.now()
        if self._token and now < self._until - LEASE * MICROSECONDS // 2:
            return True
        until = now + LEASE * MICROSECONDS
        with self._database.writing() as connection:
            if self._token and not jobs.renew(connection, self._job, self._token, until):
                self._token = None
            if not self._token:
                self._token = jobs.acquire(connection, self._job, this_process(), now, until)
        self._until = until if self._token else 0
        return self._token is not None

    def give_up(self) -> None:
        if self._token:
            with self._database.writing() as connection:
                jobs.give_back(connection, self._job, self._token)
            self._token = None
