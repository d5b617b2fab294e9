"""What a drain has leased is its own for a while: no other drain does it too, and a drain that comes too late rolls
back."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text, update

from owa.analytics.tables import REQUEST, SESSION
from owa.clock import MICROSECONDS
from owa.db.counts import Outcome
from owa.errors import Overtaken
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.node import this_process
from owa.processing.processor import LEASE
from tests.page_views import Processing, open_processing, page_view


@pytest.fixture
def processing(tmp_path: Path) -> Iterator[Processing]:
    """Two page views are due in the processing queue: their session has come."""
    opened = open_processing(tmp_path)
    opened.settle(page_view(2, at=2), page_view(3, at=3))
    assert opened.settle(page_view(1, first=True)).woken == 2
    yield opened
    opened.database.close()


def stored(processing: Processing) -> tuple[int, int, int]:
    """Page views as stored, as their session counts them, and as they were counted."""
    views = processing.row(SESSION)["num_pageviews"]
    return len(processing.rows(REQUEST)), views, processing.counts(Outcome.PROCESSED).total()


def test_leased_events_are_left_alone_by_other_drains(processing: Processing) -> None:
    lease = processing.processor.lease(1)
    other = processing.processor.lease(10)
    assert (len(lease.items), len(other.items)) == (1, 1)
    assert processing.processor.lease(10).items == ()
    assert processing.processor.settle_lease(other).processed == 1
    assert processing.processor.settle_lease(lease).processed == 1
    assert stored(processing) == (3, 3, 3)


def test_a_drain_that_wakes_after_its_lease_rolls_back(processing: Processing) -> None:
    late = processing.processor.lease(10)
    processing.clock.move(LEASE)
    assert processing.finish().processed == 2
    with pytest.raises(Overtaken):
        processing.processor.settle_lease(late)
    assert stored(processing) == (3, 3, 3)


def test_a_drain_that_wakes_while_another_has_its_events_rolls_back(processing: Processing) -> None:
    late = processing.processor.lease(10)
    processing.clock.move(LEASE)
    other = processing.processor.lease(10)
    with pytest.raises(Overtaken):
        processing.processor.settle_lease(late)
    assert processing.processor.settle_lease(other).processed == 2
    assert stored(processing) == (3, 3, 3)


def test_a_late_drain_may_settle_what_nobody_wanted(processing: Processing) -> None:
    late = processing.processor.lease(10)
    processing.clock.move(10 * LEASE)
    assert processing.processor.settle_lease(late).processed == 2
    assert stored(processing) == (3, 3, 3)


def test_what_a_dead_process_of_this_machine_leased_is_due_at_once(processing: Processing) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import owa.node; print(owa.node.this_process())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    processing.processor.lease(10)
    lease_to(processing, ended)
    assert processing.processor.free_leases() == 2
    assert processing.finish().processed == 2
    assert stored(processing) == (3, 3, 3)


@pytest.mark.parametrize("owner", ["elsewhere.example:1", this_process()], ids=["other machine", "alive"])
def test_what_others_leased_is_theirs(processing: Processing, owner: str) -> None:
    processing.processor.lease(10)
    lease_to(processing, owner)
    assert processing.processor.free_leases() == 0
    assert not processing.finish().events


def lease_to(processing: Processing, owner: str) -> None:
    with processing.database.writing() as connection:
        connection.execute(update(QUEUE_ITEM).where(QUEUE_ITEM.c.owner.is_not(None)).values(owner=owner))


def test_leasing_costs_the_same_whatever_waits_or_is_leased(tmp_path: Path) -> None:
    """Counted in steps of the database's machine, so that no other load matters."""
    few, many = (steps_of_a_lease(tmp_path / str(rows), rows) for rows in (1_000, 200_000))
    assert many < 1.2 * few


def steps_of_a_lease(folder: Path, rows: int) -> int:
    """Steps, in hundreds, that SQLite takes to lease 100 events beside so many others in all states."""
    folder.mkdir()
    processing = open_processing(folder)
    now = processing.clock.now()
    with processing.database.writing() as connection:
        columns = "id, event_type, priority, status, event, insertion_timestamp, not_before_timestamp, site_id, server"
        columns += ", failed_attempt_count, is_assigned, remaining, waits_for, owner, lease_token, lease_until"
        later = now + 10**9
        connection.execute(
            text(f"""
            WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {rows})
            INSERT INTO owa_queue_item ({columns})
            SELECT n, 'e', 0, CASE WHEN n % 4 = 0 THEN 'handled' ELSE 'unhandled' END, x'7b7d', {now},
                   CASE WHEN n % 4 > 1 THEN {later} + n END, 's', 1, 0, 0, 'session',
                   CASE WHEN n % 4 = 1 THEN 'key' || n END,
                   CASE WHEN n % 4 = 3 THEN 'here:1' END, CASE WHEN n % 4 = 3 THEN 't' END,
                   CASE WHEN n % 4 = 3 THEN {later} END FROM number""")
        )
    processing.settle(*(page_view(number, at=number) for number in range(2, 102)))
    processing.settle(page_view(1, first=True))
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with processing.database.writing() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, 100)
        lease = processing.retries.lease(connection, 100, now, until=now + LEASE * MICROSECONDS, owner="here:2")
        driver.set_progress_handler(None, 0)
    assert len(lease.items) == 100
    processing.database.close()
    return steps
