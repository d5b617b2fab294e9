"""Page views through the processor, on real databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from owa.analytics.page_views import PageViews
from owa.analytics.tables import DOCUMENT, HOST, REQUEST, SESSION, SOURCE, VISITOR
from owa.db.counts import Outcome
from owa.events import Event
from owa.identity import NOT_SET, text_id
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.queues.contract import Waiting, session_key
from tests.page_views import Processing, Row, open_processing, page_view
from tests.postgresql import NewUrl


@pytest.fixture
def processing(tmp_path: Path, new_url: NewUrl) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=new_url())
    yield opened
    opened.database.close()


@pytest.fixture
def poisoned(tmp_path: Path, new_url: NewUrl) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=new_url(), core="tests.poison")
    yield opened
    opened.database.close()


def pick(row: Row, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


def test_first_page_opens_the_session(processing: Processing) -> None:
    report = processing.settle(page_view(1, first=True))
    assert (report.processed, report.woken) == (1, 0)
    session, visitor = processing.row(SESSION), processing.row(VISITOR)
    assert pick(session, "id", "visitor_id", "num_pageviews", "is_bounce") == (11, 21, 1, 1)
    assert pick(visitor, "id", "first_session_id", "last_session_id") == (21, 11, 11)


def test_later_pages_count_in_the_session(processing: Processing) -> None:
    processing.settle(page_view(1, first=True, page_url="http://shop.example/a"))
    processing.settle(page_view(2, at=5, page_url="http://shop.example/b"))
    processing.settle(page_view(3, at=3, page_url="http://shop.example/c"))
    session = processing.row(SESSION)
    assert pick(session, "num_pageviews", "is_bounce", "last_req") == (3, 0, 1_795_262_405)
    assert session["first_page_id"] == text_id("http://shop.example/a")
    assert session["last_page_id"] == text_id("http://shop.example/b")


def test_late_first_hit_finishes_those_that_waited(processing: Processing) -> None:
    """OWA does not count them (its known defect 9)."""
    waiting = processing.settle(page_view(2, at=5), page_view(3, at=9))
    assert (waiting.processed, waiting.waiting) == (0, 2)
    assert (len(processing.rows(REQUEST)), processing.rows(SESSION)) == (2, [])
    assert processing.row(VISITOR)["last_session_id"] is None
    processing.settle(page_view(1, first=True))
    assert processing.finish().processed == 2
    assert pick(processing.row(SESSION), "num_pageviews", "is_bounce", "last_req") == (3, 0, 1_795_262_409)
    assert processing.row(VISITOR)["last_session_id"] == 11
    assert {row["status"] for row in processing.rows(QUEUE_ITEM)} == {"handled"}


def test_first_hit_may_come_later_in_the_same_batch(processing: Processing) -> None:
    assert processing.settle(page_view(2, at=5), page_view(1, first=True)).processed == 2
    assert processing.row(SESSION)["num_pageviews"] == 2


def test_waiting_is_no_attempt(processing: Processing) -> None:
    processing.settle(page_view(2))
    for _ in range(3):
        processing.clock.move(3_600)
        assert processing.finish().events == 0
    assert pick(processing.row(QUEUE_ITEM), "status", "failed_attempt_count", "waits_for", "not_before_timestamp") == (
        "unhandled",
        0,
        "session:s1:11",
        None,
    )


def test_page_view_that_missed_its_session_is_found_by_the_sweep(processing: Processing) -> None:
    processing.settle(page_view(1, first=True))
    missed = page_view(2, at=5, session=12)
    processing.settle(missed)
    with processing.database.writing() as connection:  # as if it had waited for 11 when 11 was opened
        processing.retries.wait(connection, [Waiting(missed, session_key("s1", 11))], processing.clock.now())
    assert processing.finish().events == 0
    assert processing.processor.sweep() == 1
    assert processing.processor.retry().waiting == 1
    assert processing.row(QUEUE_ITEM)["waits_for"] == "session:s1:12"


def test_the_earlier_of_two_first_pages_is_the_entry(processing: Processing) -> None:
    processing.settle(page_view(2, at=10, first=True, language="de", page_url="http://shop.example/b"))
    processing.settle(page_view(3, at=20, first=True, language="fr", page_url="http://shop.example/c"))
    assert processing.row(SESSION)["language"] == "de"
    processing.settle(page_view(1, at=0, first=True, language="en", page_url="http://shop.example/a"))
    session = processing.row(SESSION)
    assert pick(session, "language", "timestamp", "num_pageviews") == ("en", 1_795_262_400, 3)
    assert session["first_page_id"] == text_id("http://shop.example/a")


def test_visitors_last_session_follows_the_entries(processing: Processing) -> None:
    """When an entry moves back in time, another session can become the last one."""
    processing.settle(
        page_view(1, at=50, session=12, first=True, nps="1"), page_view(2, at=100, session=11, first=True, nps="5")
    )
    assert pick(processing.row(VISITOR), "last_session_id", "num_prior_sessions") == (11, 5)
    processing.settle(page_view(3, at=10, session=11, first=True, nps="0"))
    visitor = processing.row(VISITOR)
    assert pick(visitor, "first_session_id", "last_session_id", "num_prior_sessions") == (11, 12, 1)
    assert visitor["last_session_guid"] == page_view(1).guid


def test_session_can_pass_to_another_visitor(processing: Processing) -> None:
    processing.settle(page_view(2, at=10, visitor=21, first=True, nps="3"))
    processing.settle(page_view(1, at=0, visitor=22, first=True, nps="4"))
    assert processing.row(SESSION)["visitor_id"] == 22
    before, now = processing.rows(VISITOR)
    assert pick(before, "first_session_id", "last_session_id", "last_session_at", "num_prior_sessions") == (
        11,
        None,
        None,
        None,
    )
    assert pick(now, "first_session_id", "last_session_id", "num_prior_sessions") == (11, 11, 4)


def test_one_session_id_on_two_sites_is_two_sessions(processing: Processing) -> None:
    processing.settle(page_view(1, site="s1", first=True))
    assert processing.settle(page_view(2, site="s2")).waiting == 1
    processing.settle(page_view(3, site="s2", at=-1, first=True))
    processing.finish()
    assert [pick(row, "site_id", "num_pageviews") for row in processing.rows(SESSION)] == [("s1", 1), ("s2", 2)]


def test_only_what_is_open_is_told_to_be(processing: Processing) -> None:
    processing.settle(page_view(1, site="s1", first=True), page_view(2, site="s1", session=12))
    keys = [session_key(site, session) for site in ("s1", "s2") for session in (11, 12)]
    with processing.database.reading() as connection:
        assert PageViews().is_open(connection, keys[1:]) == []
        assert PageViews().is_open(connection, keys) == [session_key("s1", 11)]


def test_site_id_may_hold_a_colon(processing: Processing) -> None:
    processing.settle(page_view(2, site="a:1", at=1))
    processing.settle(page_view(1, site="a:1", first=True))
    assert processing.finish().processed == 1


def test_attribution_is_the_last_one_that_was_carried(processing: Processing) -> None:
    processing.settle(page_view(1, at=0, first=True, campaign="spring", medium="email"))
    processing.settle(page_view(3, at=20, session_referer="https://blog.example/"))
    processing.settle(page_view(2, at=10, campaign="summer"), page_view(4, at=30))
    session = processing.row(SESSION)
    assert pick(session, "medium", "campaign_id", "source_id") == ("referral", None, text_id("blog.example"))


def test_duplicates_change_nothing(processing: Processing) -> None:
    events = [page_view(1, first=True, user_name="anna"), page_view(2, at=5), page_view(3, session=12)]
    processing.settle(*events)
    tables = (REQUEST, SESSION, VISITOR, DOCUMENT, SOURCE, QUEUE_ITEM)
    before = [processing.rows(table) for table in tables]
    report = processing.settle(*events, page_view(2, at=5))
    assert (report.processed, report.duplicate, report.waiting) == (0, 4, 0)
    assert processing.finish().events == 0
    assert [processing.rows(table) for table in tables] == before


@pytest.mark.parametrize("again", [page_view(1, first=True), None], ids=["equal", "the same object"])
def test_duplicate_in_one_batch(processing: Processing, again: Event | None) -> None:
    event = page_view(1, first=True)
    report = processing.settle(event, again or event)
    assert (report.processed, report.duplicate) == (1, 1)
    assert processing.row(SESSION)["num_pageviews"] == 1
    assert processing.counts(Outcome.PROCESSED) == processing.counts(Outcome.DUPLICATE) == {("s1", ""): 1}


def test_document_has_the_least_address_and_the_last_title(processing: Processing) -> None:
    processing.settle(page_view(2, at=5, page_url="http://shop.example/cart", page_title="new"))
    processing.settle(page_view(1, at=0, page_url="http://shop.example/Cart", page_title="old", page_type="shop"))
    processing.settle(page_view(3, at=9, page_url="http://shop.example/cart/"))
    document = processing.row(DOCUMENT)
    assert pick(document, "url", "uri") == ("http://shop.example/Cart", "/Cart")
    assert pick(document, "page_title", "page_type", "page_title_guid") == ("new", "shop", page_view(2).guid)


def test_host_is_the_domain_with_what_was_seen_last(processing: Processing) -> None:
    processing.settle(page_view(2, at=5, REMOTE_HOST="b.isp.example.org", ip_address="192.0.2.2"))
    processing.settle(page_view(1, at=0, REMOTE_HOST="a.isp.example.org", ip_address="192.0.2.1"))
    assert pick(processing.row(HOST), "host", "full_host", "ip_address", "city") == (
        "example.org",
        "b.isp.example.org",
        "192.0.2.2",
        NOT_SET,
    )


@pytest.mark.parametrize("position", range(5))
def test_poisoned_event_costs_only_itself(poisoned: Processing, position: int) -> None:
    events = [page_view(number, at=number, first=number == 1) for number in range(1, 6)]
    bad = page_view(9, at=99, poison="handle", page_url="http://shop.example/poison", visitor=29)
    report = poisoned.settle(*events[:position], bad, *events[position:])
    assert (report.processed, report.retrying, report.events) == (5, 1, 6)
    assert [row["id"] for row in poisoned.rows(REQUEST)] == [event.guid for event in events]
    assert [row["id"] for row in poisoned.rows(VISITOR)] == [21]
    assert [row["url"] for row in poisoned.rows(DOCUMENT)] == ["http://shop.example"]
    assert poisoned.row(SESSION)["num_pageviews"] == 5
    item = poisoned.row(QUEUE_ITEM)
    assert pick(item, "id", "status", "remaining", "failed_attempt_count") == (bad.guid, "unhandled", "everything", 1)
    assert item["last_error_msg"] == f"ValueError: {bad.guid} is poisoned"
    assert "in _taste" in item["last_error_trace"]


def test_each_poisoned_event_has_its_own_traceback(poisoned: Processing) -> None:
    poisoned.settle(*(page_view(number, session=number, first=True, poison="handle") for number in range(1, 9)))
    for item in poisoned.rows(QUEUE_ITEM):
        assert item["last_error_trace"].startswith("Traceback (most recent call last):")
        assert item["last_error_trace"].endswith(f"ValueError: {item['id']} is poisoned\n")
        assert item["last_error_trace"].count("ValueError: ") == 1


def test_poison_in_the_sessions_part_costs_only_itself(poisoned: Processing) -> None:
    poisoned.settle(page_view(2, at=2), page_view(3, at=3, poison="resume"), page_view(4, at=4))
    poisoned.settle(page_view(1, first=True))
    report = poisoned.finish()
    assert (report.processed, report.retrying) == (2, 1)
    assert pick(poisoned.row(SESSION), "num_pageviews", "last_page_id") == (3, text_id("http://shop.example"))
    (item,) = (row for row in poisoned.rows(QUEUE_ITEM) if row["status"] == "unhandled")
    assert pick(item, "id", "remaining", "failed_attempt_count") == (page_view(3).guid, "session", 1)


def test_poisoned_event_is_given_up_with_its_reason(tmp_path: Path) -> None:
    poisoned = open_processing(tmp_path, core="tests.poison", OWA_QUEUE_MAX_RETRY_COUNT="3")
    poisoned.settle(page_view(1, first=True, poison="handle"))
    for failed in (0, 1):
        poisoned.clock.move(3_600)
        assert poisoned.finish().failed == failed
    assert pick(poisoned.row(QUEUE_ITEM), "status", "failed_attempt_count") == ("broken", 3)
    assert poisoned.counts(Outcome.FAILED) == {("s1", ""): 1}
    poisoned.clock.move(86_400)
    assert poisoned.finish().events == 0
    poisoned.database.close()


def test_event_of_an_unknown_type_is_kept_with_a_remedy(processing: Processing) -> None:
    event = page_view(1)
    stranger = Event(event.guid, "a.b", "s1", 21, 11, event.received_at, 1, {})
    assert processing.settle(stranger, page_view(2, first=True)).retrying == 1
    (item,) = processing.rows(QUEUE_ITEM)
    assert item["last_error_msg"].startswith("No module handles events of type a.b. Switch on")


def test_coerced_values_are_counted_once_by_name(processing: Processing) -> None:
    bad = page_view(2, at=1, nps="abc", medium={"0": "email"}, last_req="soon")
    processing.settle(bad, bad)
    processing.settle(bad)
    processing.settle(page_view(1, first=True, nps="1.5"))
    assert processing.finish().processed == 1
    assert processing.counts(Outcome.COERCED) == {("s1", "nps"): 2, ("s1", "medium"): 1, ("s1", "last_req"): 1}
    with processing.database.reading() as connection:
        assert list(connection.execute(select(REQUEST.c.num_prior_sessions)).scalars()) == [None, None]


def test_unreadable_row_of_the_processing_queue_is_counted_and_holds_up_nobody(processing: Processing) -> None:
    processing.settle(page_view(1, session=11), page_view(2, session=12))
    with processing.database.writing() as connection:
        connection.execute(update(QUEUE_ITEM).where(QUEUE_ITEM.c.id == page_view(1).guid).values(event=b"{"))
    processing.settle(page_view(3, session=11, first=True), page_view(4, session=12, first=True))
    report = processing.finish()
    assert (report.processed, report.failed) == (1, 1)
    assert processing.counts(Outcome.FAILED) == {("s1", ""): 1}
