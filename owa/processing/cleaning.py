"""Deletes what was kept for the eye for long enough."""

from owa.clock import MICROSECONDS
from owa.db import history, jobs, modules
from owa.db.engine import Database
from owa.processing.runs import Figures
from owa.queues.contract import RetryQueue

INTERVAL = 3_600
"""Seconds between two times."""

DAY = 86_400

IDLE_RUNS_AGE = DAY
"""Seconds for which runs are remembered that found nothing to do."""


PATIENCE = 5.0
"""Seconds that it waits for the database: it can be done another time."""


def clean(database: Database, retries: RetryQueue, now: int, age: int, undo_days: int) -> Figures:
    """Delete finished events, records of runs and processes, samples of queues, and answers to other servers' batches.
    `now`: microseconds; `age`: seconds; `undo_days`: for which discarded events are kept. Raises
    `DatabaseUnavailable`."""
    from owa.db import failed_acts, senders  # a drain that finds nothing to do does without

    before = now - age * MICROSECONDS
    discarded_before = now - undo_days * DAY * MICROSECONDS
    with database.writing(PATIENCE) as connection:
        return {
            "finished": retries.flush(connection, before, discarded_before),
            "acts": failed_acts.forget(connection, before),
            "runs": jobs.forget(connection, before, now - IDLE_RUNS_AGE * MICROSECONDS),
            "processes": modules.forget_processes(connection, before),
            "samples": history.forget(connection, now),
            "answers": senders.forget_answers(connection, now - senders.ANSWERS_AGE * MICROSECONDS),
        }


def is_due(database: Database, now: int) -> bool:
    """Whether nobody has cleaned for `INTERVAL`. Raises `DatabaseUnavailable`."""
    with database.reading() as connection:
        last = jobs.latest(connection, 1, "clean")
    return not last or last[0].started_at < now - INTERVAL * MICROSECONDS
