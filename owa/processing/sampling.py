"""Notes how full the queues are: once a minute, so that the dashboard can draw it."""

from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import history, jobs
from owa.db.engine import Database
from owa.processing.runs import Figures
from owa.queues.contract import EventQueue, RetryQueue

INTERVAL = 60
"""Seconds between two samples."""

PATIENCE = 5.0
"""Seconds that one waits for the database: the next one comes soon."""

MOST = 1_000_000
"""Events of the processing queue that are counted."""


def sample_incoming(database: Database, incoming: EventQueue, server: int, now: int) -> Figures:
    """Note how the incoming queue of this server is. `now`: microseconds. Raises `DatabaseUnavailable`."""
    status = incoming.status()
    with database.writing(PATIENCE) as connection:
        history.note(connection, INCOMING, server, now, status.depth, status.oldest_at)
    return {}


def sample_processing(database: Database, retries: RetryQueue, now: int) -> Figures:
    """Note how the queue is that all share. `now`: microseconds. Raises `DatabaseUnavailable`."""
    with database.reading() as connection:
        status = retries.glance(connection, MOST)
    with database.writing(PATIENCE) as connection:
        history.note(connection, PROCESSING, history.SHARED, now, status.depth, status.oldest_at)
    return {}


def is_left_to_cron(database: Database, server: int, now: int) -> bool:
    """Whether no scheduler has taken samples on this server of late. Raises `DatabaseUnavailable`."""
    with database.reading() as connection:
        last = jobs.last(connection, "sample", server=server)
    return last is None or last.started_at < now - 3 * INTERVAL * MICROSECONDS
