"""What waits is finished in the drain that brings what it waits for, even if two drains commit at the same moment."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from owa.analytics.page_views import PageViews
from owa.analytics.tables import SESSION
from owa.processing.drain import drain_events
from owa.queues.memory import MemoryQueue
from tests.page_views import Processing, batch, context, open_processing, page_view


@pytest.fixture
def processing(tmp_path: Path) -> Iterator[Processing]:
    opened = open_processing(tmp_path)
    yield opened
    opened.database.close()


def num_pageviews(processing: Processing) -> list[int]:
    return [row["num_pageviews"] for row in processing.rows(SESSION)]


def test_waiting_events_are_finished_in_the_same_drain(processing: Processing) -> None:
    queue = MemoryQueue()
    queue.put([page_view(2, at=2), page_view(3, at=3)])
    drain_events(queue, processing.processor)
    assert num_pageviews(processing) == []
    queue.put([page_view(1, first=True)])
    drained = drain_events(queue, processing.processor)
    assert num_pageviews(processing) == [3]
    assert drained.report.processed == 3


def test_who_waited_for_a_moment_only_is_not_reported_as_waiting(processing: Processing) -> None:
    queue = MemoryQueue()
    queue.put([page_view(2, at=2)])
    drained = drain_events(queue, processing.processor)
    assert (drained.report.processed, drained.report.waiting) == (0, 1)
    processing.clock.move(1)
    queue.put([page_view(number) for number in range(2_003, 3, -1)])
    queue.put([page_view(1, first=True)])  # in the second batch
    drained = drain_events(queue, processing.processor)
    assert (drained.report.processed, drained.report.waiting) == (2_002, 0)


def test_a_session_that_another_drain_opens_at_the_same_moment_is_noticed(processing: Processing) -> None:
    """The other drain, which does not see our event waiting, commits between our look at the session and our commit."""

    def open_session(connection: Connection) -> None:
        PageViews().handle(connection, [page_view(1, first=True)], context())

    report = processing.processor.settle(replace(batch([page_view(2, at=2)]), acknowledge=open_session))
    assert (report.waiting, report.woken) == (1, 1)
    assert processing.finish().processed == 1
    assert num_pageviews(processing) == [2]


def test_the_sweep_looks_at_all_that_waits(processing: Processing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("owa.processing.processor.SWEEP_LIMIT", 3)
    late = [page_view(100 + number, at=2, session=number, visitor=number) for number in range(1, 11)]
    first = [page_view(number, session=number, visitor=number, first=True) for number in range(1, 11)]
    processing.settle(*late)
    with processing.database.writing() as connection:
        PageViews().handle(connection, first, context())
    assert processing.finish().events == 0
    assert processing.processor.sweep() == 10
    assert processing.processor.sweep() == 0
    assert processing.finish().processed == 10
    assert num_pageviews(processing) == [2] * 10
