"""Keeps a record of each run of a job, be it the scheduler's or a command's."""

import logging
import time
from collections.abc import Callable

from owa.clock import MICROSECONDS, Clock
from owa.db import jobs
from owa.db.engine import Database
from owa.errors import DatabaseUnavailable, HeldByAnother, OwaError
from owa.node import this_process
from owa.processing.drain import Drained

logger = logging.getLogger(__name__)

Figures = dict[str, int]

DONE, PAUSED, FAILED = "done", "paused", "failed"


class Runs:
    """The record of what ran when, and what came of it."""

    def __init__(self, database: Database, clock: Clock, server: int, caller: str) -> None:
        """`server`: this one's number. `caller`: see `owa.db.jobs.Run`."""
        self._database = database
        self._clock = clock
        self._server = server
        self._caller = caller

    def drain(self, job: str, drain: Callable[[], Drained]) -> Drained:
        """Run a drain, and keep what came of it. Raises what the drain raises."""
        started_at, since = self._clock.now(), time.monotonic()
        try:
            drained = drain()
        except HeldByAnother:
            raise  # then there was no run
        except Exception as error:
            self._keep(job, started_at, since, FAILED, {}, _text(error))
            raise
        result, detail = (PAUSED, str(drained.outage)) if drained.outage else (DONE, "")
        self._keep(job, started_at, since, result, drained.report.figures(), detail)
        return drained

    def clean(self, job: str, clean: Callable[[], Figures]) -> Figures:
        """Run a job that gives back figures, and keep what came of it. Raises what the job raises."""
        started_at, since = self._clock.now(), time.monotonic()
        try:
            figures = clean()
        except Exception as error:
            self._keep(job, started_at, since, FAILED, {}, _text(error))
            raise
        self._keep(job, started_at, since, DONE, {name: count for name, count in figures.items() if count}, "")
        return figures

    def _keep(self, job: str, started_at: int, since: float, result: str, figures: Figures, detail: str) -> None:
        run = jobs.Run(
            job=job,
            server=self._server,
            owner=this_process(),
            caller=self._caller,
            started_at=started_at,
            duration=round((time.monotonic() - since) * MICROSECONDS),
            result=result,
            figures=figures,
            detail=detail[:2_000],
        )
        try:
            with self._database.writing(patience=2.0) as connection:
                jobs.record(connection, run)
        except DatabaseUnavailable as error:
            logger.debug("A run of %s could not be recorded: %s", job, error)


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, OwaError | OSError) else f"{type(error).__name__}: {error}"
