"""What follows from events is told to event handlers that want it: once for each key, and it counts as no receipt."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from owa.analytics.counting import count_facts
from owa.analytics.goals import Goal, dump
from owa.contributions import FollowUp, Site
from owa.db.counts import Outcome
from owa.events import Event, loads
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.processing.acts import discard
from owa.processing.ledger import Ledger
from owa.queues.contract import FailedFilter, Failure, Remaining
from owa.queues.memory import MemoryQueue
from tests.page_views import NOON, Processing, open_processing, page_view
from tests.postgresql import NewUrl

SITES = {"s1": Site("s1", "http://shop.example", {"goals": dump([Goal(3, "Thanks", "exact", "/thanks", 500)])})}
MAIL = "out:mail"
WANTED = {kind.value: (MAIL,) for kind in FollowUp}


def seen(number: int, **more: Any) -> Event:
    event = page_view(number, **more)
    return replace(event, guid=event.guid + event.server * 10**6)


def order(number: int, **more: Any) -> Event:
    return replace(seen(number, ct_order_id="A", **more), event_type="ecommerce.transaction")


@pytest.fixture
def processing(tmp_path: Path, new_url: NewUrl) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=new_url(), sites=SITES, subscribers=WANTED)
    yield opened
    opened.database.close()


def told(processing: Processing) -> dict[str, Event]:
    """What is to be told, by its key."""
    events = [loads(row["event"]) for row in processing.rows(QUEUE_ITEM) if row["remaining"] == "follow_up"]
    return {event.properties["key"]: event for event in events}


def test_each_is_told_under_its_key(processing: Processing) -> None:
    first, second, bought = seen(1, first=True), seen(2, at=1), order(3, at=2, page_url="http://shop.example/thanks")
    for event in (second, bought, first):
        processing.settle(event)
    processing.finish()
    found = told(processing)
    transaction = found.keys() - {
        *(f"base.fact_stored:{event.guid}" for event in (first, second, bought)),
        "base.new_session:s1:11",
        f"base.session_update:{second.guid}",
        "base.conversion:s1:11:3",
    }
    assert [key.partition(":")[0] for key in transaction] == ["ecommerce.transaction_stored"]
    assert len(found) == 7
    conversion = found["base.conversion:s1:11:3"].properties
    assert (conversion["goal"], conversion["value"]) == (3, 500)
    assert found["base.new_session:s1:11"].properties["event"] == str(first.guid)


def test_what_is_told_twice_is_one(processing: Processing) -> None:
    processing.settle(seen(2, at=5, first=True))
    processing.settle(seen(1, at=1, first=True))
    keys = [key for key in told(processing) if not key.startswith("base.fact_stored")]
    assert sorted(keys) == ["base.new_session:s1:11", f"base.session_update:{seen(1).guid}"], "a new one, and one more"


def test_a_delayed_order_is_told_of_the_session_that_it_belongs_to(processing: Processing) -> None:
    processing.settle(order(1, original_session_id="11", session=77))
    assert {event.session_id for event in told(processing).values()} == {11}


def test_nobody_can_send_one(processing: Processing) -> None:
    report = processing.settle(replace(seen(1), event_type="base.conversion"))
    assert (report.processed, report.retrying) == (0, 1), "as one that nobody handles"
    assert told(processing) == {}


def test_they_are_no_receipts(processing: Processing) -> None:
    """Neither while they wait to be told, nor failed, nor discarded."""
    incoming = MemoryQueue()
    ledger = Ledger(processing.database, incoming, processing.retries, count_facts)
    processing.settle(seen(1, first=True), order(2, at=1))
    (line,) = ledger.verify()
    assert (line.took, line.processed, line.queued, line.drift) == (2, 2, 0, 0)
    gone = told(processing)["base.new_session:s1:11"]
    failure = Failure(gone, Remaining.FOLLOW_UP, "no", "", 1, NOON, None, handler=MAIL)
    with processing.database.writing() as connection:
        processing.retries.keep(connection, [failure], NOON)
    (line,) = ledger.verify()
    assert (line.failed, line.processed, line.drift) == (0, 2, 0)
    with processing.database.writing() as connection:
        keys = [failed.key for failed in processing.retries.failed(connection, FailedFilter(), 10)]
        assert len(discard(connection, processing.retries, keys, NOON)) == 1
    (line,) = ledger.verify()
    assert (line.discarded, line.processed, line.drift) == (0, 2, 0)
    assert processing.counts(Outcome.DISCARDED) == {("s1", "follow_up"): 1}


def test_without_anybody_who_wants_them_there_are_none(tmp_path: Path) -> None:
    processing = open_processing(tmp_path, sites=SITES)
    processing.settle(seen(1, first=True), order(2, at=1, page_url="http://shop.example/thanks"))
    assert processing.rows(QUEUE_ITEM) == []
    processing.database.close()
