"""Which jobs an admin has paused."""

from owa.db import pauses
from owa.db.engine import Database
from owa.db.pauses import JOB, Pause
from owa.errors import DatabaseUnavailable


class PausedJobs:
    """Asks the database each time. While that is away, what it said last counts: an outage pauses and resumes none."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Pause | None] = {}

    def find(self, job: str) -> Pause | None:
        """None: it is not paused."""
        try:
            with self._database.reading() as connection:
                self._known[job] = pauses.find(connection, JOB, job)
        except DatabaseUnavailable:
            pass
        return self._known.get(job)
