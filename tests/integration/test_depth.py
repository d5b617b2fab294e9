"""The depth of the processing queue for machines: whole, however deep it is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from owa.app import Installation, open_installation
from owa.db.migrate import upgrade
from owa.monitoring import depth
from owa.monitoring.depth import EXACT, Depth
from owa.queues.contract import Delivery, Failure, Remaining
from tests.page_views import page_view
from tests.servers import wait_until


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation({"OWA_DATA_DIR": str(tmp_path), "OWA_SCHEDULER": "0"}, {})
    upgrade(opened.database)
    yield opened
    opened.close()


def deliver(installation: Installation, first: int, count: int) -> None:
    events = [page_view(number) for number in range(first, first + count)]
    with installation.database.writing() as connection:
        installation.retries.enqueue(connection, [Delivery(event, "m:h") for event in events], 1)


def told(installation: Installation, by: Depth) -> int:
    with installation.database.reading() as connection:
        return by.now(connection).depth


def test_a_depth_that_is_counted_quickly_is_of_this_moment(installation: Installation) -> None:
    by = Depth(installation)
    for number in range(1, 4):
        deliver(installation, number, 1)
        assert told(installation, by) == number
    given_up = Failure(page_view(9), Remaining.EVERYTHING, "no", "", 1, 1, None)
    with installation.database.writing() as connection:
        failures = [replace(given_up, event=page_view(number)) for number in range(10, 12 + EXACT)]
        installation.retries.keep(connection, failures, 1)
    assert told(installation, by) == 3, "what has failed is not in it, however much that is"


def test_a_greater_one_is_whole_at_once_and_followed_in_the_background(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depth, "SHARE", 0)
    by = Depth(installation)
    deliver(installation, 1, EXACT + 500)
    assert told(installation, by) == EXACT + 500
    deliver(installation, 1 + 2 * EXACT, 77)
    wait_until(lambda: told(installation, by) == EXACT + 577, "it is not counted again")


def test_a_count_that_takes_long_is_good_for_a_while(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depth, "SHARE", 10**9)
    by = Depth(installation)
    deliver(installation, 1, EXACT + 1)
    assert told(installation, by) == EXACT + 1
    deliver(installation, 1 + 2 * EXACT, 5)
    assert told(installation, by) == EXACT + 1
