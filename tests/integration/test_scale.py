"""What is shown of the processing queue takes about as long beside many events as beside few: counted in steps of the
database's machine, so that no other load matters."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, text

from owa.db import jobs
from owa.db.jobs import JOB_RUN
from owa.modules.database_queue.wanted import REACH
from owa.queues.contract import MOST, FailedFilter, FailedState, RetryQueue
from tests.page_views import Processing, open_processing

ROWS = 12_000
"""As many in the few as are looked at or counted at once, in each state."""
TIMES = 4

COLUMNS = (
    "id, event_type, priority, status, event, insertion_timestamp, not_before_timestamp, last_attempt_timestamp,"
    " site_id, server, failed_attempt_count, is_assigned, remaining, waits_for, waiting_since, last_error_msg,"
    " fingerprint, session_id, visitor_id, handler, discarded_at"
)


def filled(folder: Path, rows: int) -> Processing:
    """So many rows that wait, are tried again, have failed, are to be delivered, and are discarded."""
    folder.mkdir()
    processing = open_processing(folder)
    with processing.database.writing() as connection:
        connection.execute(
            text(f"""
            WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {5 * rows})
            INSERT INTO owa_queue_item ({COLUMNS})
            SELECT n, 'e' || n % 3, 0, CASE n % 5 WHEN 2 THEN 'broken' WHEN 4 THEN 'handled' ELSE 'unhandled' END,
                   x'7b7d', n, CASE WHEN n % 5 IN (1, 3) THEN n END, CASE WHEN n % 5 IN (1, 2, 4) THEN n END,
                   's' || n % 4, 1, n % 5 = 1, 0, 'everything', CASE WHEN n % 5 = 0 THEN 'session:s:' || (n / 50) END,
                   CASE WHEN n % 5 = 0 THEN n END, CASE WHEN n % 5 IN (1, 2, 4) THEN 'no' END,
                   CASE WHEN n % 5 IN (1, 2, 4) THEN 'f' || n % 7 END, n, n, CASE WHEN n % 5 = 3 THEN 'm:h' ELSE '' END,
                   CASE WHEN n % 5 = 4 THEN n END FROM number""")
        )
        idle = {"owner": "o", "caller": "c", "started_at": 1, "duration": 1, "result": "done", "detail": ""}
        runs = [
            {**idle, "job": f"j{number % 3}", "server": number % 2, "figures": b"{}" if number > 6 else b'{"n":1}'}
            for number in range(rows // 10)
        ]
        connection.execute(insert(JOB_RUN), runs)
    return processing


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Processing, Processing]:
    folder = tmp_path_factory.mktemp("scale")
    return filled(folder / "few", ROWS), filled(folder / "many", TIMES * ROWS)


def steps(processing: Processing, look: Callable[[Connection, RetryQueue], object]) -> int:
    """In hundreds."""
    counted = 0

    def step() -> int:
        nonlocal counted
        counted += 1
        return 0

    with processing.database.reading() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, 100)
        try:
            assert look(connection, processing.retries) not in (None, [])
        finally:
            driver.set_progress_handler(None, 0)
    return counted


LOOKS: dict[str, Callable[[Connection, RetryQueue], object]] = {
    "glance": lambda c, queue: queue.glance(c, 10_000),
    "glance of sites": lambda c, queue: queue.glance(c, 1_000, ["s1", "s2"]),
    "troubles": lambda c, queue: queue.troubles(c, 10_000),
    "trails": lambda c, queue: queue.trails(c, 5),
    "waiting": lambda c, queue: queue.awaited(c, 50),
    "how many wait": lambda c, queue: queue.count_waiting(c, 10_001),
    "groups": lambda c, queue: queue.failed_groups(c, 50),
    "kinds": lambda c, queue: queue.failed_kinds(c, 100),
    "failed": lambda c, queue: queue.failed(c, FailedFilter(), 50),
    "older": lambda c, queue: queue.failed(c, FailedFilter(), 50, (5_000, 1, "")),
    "how many failed": lambda c, queue: queue.count_failed(c, FailedFilter()),
    "of a group": lambda c, queue: queue.count_failed(c, FailedFilter(fingerprint="f1")),
    "of a site and a server": lambda c, queue: queue.count_failed(c, FailedFilter(site_id="s1", server=9)),
    "how far": lambda c, queue: queue.failed_reach(c, FailedFilter(error="nothing")),
    "retrying": lambda c, queue: queue.count_failed(c, FailedFilter(state=FailedState.RETRYING)),
    "discarded": lambda c, queue: queue.count_failed(c, FailedFilter(state=FailedState.DISCARDED)),
    "last run of each job": lambda c, _queue: jobs.last_of_each(c),
    "last run that did something": lambda c, _queue: jobs.last(c, "j1", busy=True),
    "that one of a server": lambda c, _queue: jobs.last(c, "j1", server=1, busy=True),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_takes_as_many_steps_beside_many_events(both: tuple[Processing, Processing], name: str) -> None:
    few, many = (steps(processing, LOOKS[name]) for processing in both)
    assert many <= 1.2 * few + 2


def test_counts_are_capped_and_searches_have_an_end(both: tuple[Processing, Processing]) -> None:
    with both[1].database.reading() as connection:
        queue = both[1].retries
        everything = queue.count_failed(connection, FailedFilter())
        assert (everything.number, everything.has_more) == (MOST, True)
        assert queue.failed_reach(connection, FailedFilter()) is None
        last = queue.failed_reach(connection, FailedFilter(error="nothing"))
        assert last is not None
        assert len(queue.failed_places(connection, FailedFilter(error="no"), 2 * REACH, None, last)) == REACH + 1
