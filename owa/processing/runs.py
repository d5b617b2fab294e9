"""Keeps a record of each run of a job, be it the scheduler's or a command's."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from owa.clock import MICROSECONDS, Clock
from owa.db import jobs
from owa.db.engine import Database
from owa.db.jobs import DONE, FAILED, PAUSED, RUNNING, Run
from owa.errors import DatabaseUnavailable, HeldByAnother, OwaError
from owa.node import this_process
from owa.processing.drain import Drained

logger = logging.getLogger(__name__)

Figures = dict[str, int]

PATIENCE = 2.0
"""Seconds that a record may wait for the database."""


class Runs:
    """The record of what ran when, and what came of it. A run whose process dies stands there as begun."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        server: int,
        caller: str,
        after: Callable[[str, Drained], None] = lambda _job, _drained: None,
    ) -> None:
        """`server`: this one's number. `caller`: see `owa.db.jobs.Run`. `after`: called with each job that has drained,
        once that is recorded."""
        self._database = database
        self._clock = clock
        self._server = server
        self._caller = caller
        self._after = after

    def drain(self, job: str, drain: Callable[[], Drained]) -> Drained:
        """Run a drain, and keep what came of it. Raises what the drain raises; `HeldByAnother`: it was no run. Nor is
        one that finds its queue paused by an admin."""
        with _Record(self, job) as record:
            drained = drain()
            stopped = drained.outage or drained.paused
            record.result, record.detail = (PAUSED, str(stopped)) if stopped else (DONE, "")
            record.figures = drained.report.figures()
            record.is_none = drained.paused is not None and not record.figures and not drained.outage
        self._after(job, drained)
        return drained

    def clean(self, job: str, clean: Callable[[], Figures]) -> Figures:
        """Run a job that gives back figures, and keep what came of it. Raises what the job raises."""
        with _Record(self, job) as record:
            figures = clean()
            record.result, record.figures = DONE, {name: count for name, count in figures.items() if count}
        return figures

    def begin(self, job: str) -> tuple[Run, int | None]:
        """A run that begins now, and its number; None: the database is away."""
        run = Run(job, self._server, this_process(), self._caller, self._clock.now(), 0, RUNNING, {})
        try:
            with self._database.writing(PATIENCE) as connection:
                return run, jobs.begin(connection, run)
        except DatabaseUnavailable:
            return run, None

    def end(self, run: Run, number: int | None) -> None:
        try:
            with self._database.writing(PATIENCE) as connection:
                jobs.end(connection, jobs.begin(connection, run) if number is None else number, run)
        except DatabaseUnavailable as error:
            logger.debug("A run of %s could not be recorded: %s", run.job, error)

    def withdraw(self, number: int | None) -> None:
        with suppress(DatabaseUnavailable):
            if number is not None:
                with self._database.writing(PATIENCE) as connection:
                    jobs.withdraw(connection, number)


class _Record:
    """Around one run."""

    def __init__(self, runs: Runs, job: str) -> None:
        self._runs = runs
        self._job = job
        self.result = FAILED
        self.figures: Figures = {}
        self.detail = ""
        self.is_none = False
        """Whether nothing was done that is worth a record."""

    def __enter__(self) -> "_Record":
        self._run, self._number = self._runs.begin(self._job)
        self._since = time.monotonic()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, HeldByAnother) or self.is_none:
            self._runs.withdraw(self._number)
            return
        if error is not None:
            self.detail = str(error) if isinstance(error, OwaError | OSError) else f"{type(error).__name__}: {error}"
        duration = round((time.monotonic() - self._since) * MICROSECONDS)
        self._runs.end(
            replace(
                self._run,
                duration=duration,
                result=self.result,
                figures=self.figures,
                detail=self.detail[:2_000],
            ),
            self._number,
        )
