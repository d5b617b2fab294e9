"""Takes the wish that a job runs now to the process that runs it."""

from contextlib import suppress

from owa.clock import Clock
from owa.db import wishes
from owa.db.engine import Database
from owa.db.wishes import EVERYWHERE, Wish
from owa.errors import DatabaseUnavailable
from owa.scheduler.jobs import Scope
from owa.scheduler.now import Begun, RunNow


class Wishing:
    """Of one process."""

    def __init__(self, database: Database, clock: Clock, server: int, run_now: RunNow) -> None:
        self._database = database
        self._clock = clock
        self._server = server
        self._run_now = run_now

    def wish(self, name: str) -> None:
        """Have a job begun by who runs it, within seconds. Raises `DatabaseUnavailable`."""
        job = self._run_now.find(name)
        server = self._server if job and job.scope is Scope.SERVER else EVERYWHERE
        with self._database.writing() as connection:
            wishes.wish(connection, Wish(name, server, self._clock.now()))

    def grant(self) -> None:
        """Begin what is wished, as far as that is this process's. To be called each second or so."""
        with suppress(DatabaseUnavailable, OSError):
            with self._database.reading() as connection:
                wished = wishes.wishes(connection, self._server)
            done = [one for one in wished if self._run_now.start(one.job) in (Begun.STARTED, Begun.UNKNOWN)]
            if done:
                with self._database.writing() as connection:
                    for one in done:
                        wishes.grant(connection, one)
