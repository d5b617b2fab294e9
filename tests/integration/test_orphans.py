"""Sessions whose first page does not come in time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from owa.analytics.tables import SESSION
from owa.db.counts import Outcome
from owa.events import Event
from owa.processing.drain import drain_events
from owa.queues.memory import MemoryQueue
from tests.page_views import Processing, open_processing, page_view
from tests.postgresql import NewUrl

DAY = 86_400


@pytest.fixture
def processing(tmp_path: Path, new_url: NewUrl) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=new_url())
    yield opened
    opened.database.close()


@pytest.fixture
def failing(tmp_path: Path, new_url: NewUrl) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=new_url(), OWA_ORPHAN_SESSIONS="fail")
    yield opened
    opened.database.close()


def drain(processing: Processing, *events: Event) -> None:
    """The incoming queue, to its end."""
    queue = MemoryQueue()
    queue.put(events)
    assert drain_events(queue, processing.processor).outage is None


def sessions(processing: Processing) -> list[tuple[object, ...]]:
    names = ("num_pageviews", "entry_guid", "entry_adopted")
    return [tuple(row[name] for name in names) for row in processing.rows(SESSION)]


def test_session_is_adopted_after_a_day(processing: Processing) -> None:
    late, later = page_view(1, at=1), page_view(2, at=2)
    drain(processing, later, late)
    processing.clock.move(DAY - 1)
    drain(processing)
    assert sessions(processing) == []
    processing.clock.move(1)
    drain(processing)
    assert sessions(processing) == [(2, late.guid, 1)]


def test_an_adopted_session_has_its_least_page_view_as_entry_whenever_that_comes(processing: Processing) -> None:
    drain(processing, page_view(2, at=2))
    processing.clock.move(DAY)
    drain(processing)
    drain(processing, page_view(3, at=3), page_view(1, at=1))
    assert sessions(processing) == [(3, page_view(1).guid, 1)]


def test_the_first_page_takes_its_place_though_it_is_not_the_least(processing: Processing) -> None:
    drain(processing, page_view(1, at=1))
    processing.clock.move(DAY)
    drain(processing)
    drain(processing, page_view(2, at=2, first=True))
    assert sessions(processing) == [(2, page_view(2).guid, 0)]


def test_a_copied_file_lets_nobody_be_judged(processing: Processing) -> None:
    drain(processing, page_view(1))
    processing.clock.move(2 * DAY)
    drain_events(MemoryQueue(), processing.processor, judge_orphans=False)
    assert sessions(processing) == []


def test_the_clock_stands_still_while_the_queue_is_paused(processing: Processing) -> None:
    drain(processing, page_view(1))
    processing.clock.move(DAY // 2)
    processing.processor.pause.begin()
    processing.clock.move(DAY)
    processing.processor.pause.begin()  # another drain finds the same outage
    drain(processing)
    assert sessions(processing) == []
    processing.clock.move(DAY // 2)
    drain(processing)
    assert len(sessions(processing)) == 1


def test_given_up_page_views_are_revived_by_their_first_page(failing: Processing) -> None:
    drain(failing, page_view(2, at=2))
    failing.clock.move(DAY)
    drain(failing)
    assert sessions(failing) == []
    assert failing.counts(Outcome.FAILED).total() == 1
    drain(failing, page_view(1, at=1, first=True))
    assert sessions(failing) == [(2, page_view(1).guid, 0)]


def test_waiting_does_not_make_the_first_failure_the_last(tmp_path: Path) -> None:
    """The age that counts for giving up begins with the first failure."""
    poisoned = open_processing(
        tmp_path,
        core="tests.poison",
        OWA_ORPHAN_SESSION_AGE="0",
    )
    poisoned.settle(page_view(1, poison="resume"))
    poisoned.clock.move(2 * DAY)
    report = poisoned.settle(page_view(2, first=True))
    assert report.failed == 0
    finished = poisoned.finish()
    assert (finished.retrying, finished.failed) == (1, 0)
    poisoned.database.close()
