"""Actions, clicks, orders, feed requests and dom streams through the processor, on real databases."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from owa.analytics.goals import Goal, dump
from owa.analytics.tables import (
    ACTION,
    CLICK,
    FEED_REQUEST,
    LINE_ITEM,
    LOCATION,
    ORDER_EVENT,
    SESSION,
    TRANSACTION,
    VISITOR,
)
from owa.contributions import FollowUp, Location, Site
from owa.db.counts import Outcome
from owa.events import Event
from owa.identity import NOT_SET, text_id
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.processing.settings import ORPHAN_SESSION_AGE
from tests.page_views import Processing, open_processing, page_view
from tests.postgresql import NewUrl

GOALS = (
    Goal(1, "Thanks", "exact", "/thanks", 500),
    Goal(2, "Cart", "begins", "/cart", 0),
    Goal(15, "Any number", "regex", "[0-9]", 7),
)
SITES = {"s1": Site("s1", "http://shop.example", {"goals": dump(GOALS)}), "s2": Site("s2", "http://blog.example")}

SESSION_PARTS = (
    "num_goals",
    "goals_value",
    *(f"goal_{number}{part}" for number in (1, 2, 15) for part in ("", "_value")),
    *(f"commerce_{name}" for name in ("trans_count", "trans_revenue", "tax_revenue", "shipping_revenue")),
    *(f"commerce_items_{name}" for name in ("count", "quantity", "revenue")),
)


@pytest.fixture
def processing(tmp_path: Path, new_url: NewUrl) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=new_url(), sites=SITES)
    yield opened
    opened.database.close()


def event(number: int, event_type: str, **properties: Any) -> Event:
    return replace(page_view(number, **properties), event_type=event_type)


def order(number: int, order_id: str = "A-1", total: str = "10.00", *items: tuple[str, str, str], **more: Any) -> Event:
    """An order of items: sku, price, quantity."""
    lines = {
        str(place): {
            "li_sku": sku,
            "li_unit_price": price,
            "li_quantity": quantity,
            "li_product_name": f"Name of {sku}",
        }
        for place, (sku, price, quantity) in enumerate(items)
    }
    parameters = {"ct_order_id": order_id, "ct_total": total, "ct_tax": "1", "ct_shipping": "0.5"}
    return event(number, "ecommerce.transaction", **parameters, ct_line_items=lines, **more)


def parts(processing: Processing, session: int = 11) -> dict[str, Any]:
    """What the session took from goals and orders, where there is something."""
    (row,) = (row for row in processing.rows(SESSION) if row["id"] == session)
    return {name: row[name] for name in SESSION_PARTS if row[name]}


def test_an_action_is_stored_at_once_and_waits_for_its_session(processing: Processing) -> None:
    action = event(2, "track.action", at=5, action_group="videos", action_name="play", numeric_value="3")
    report = processing.settle(action)
    assert (report.processed, report.waiting) == (0, 1)
    row = processing.row(ACTION)
    assert (row["action_group"], row["action_name"], row["action_label"], row["numeric_value"]) == (
        "videos",
        "play",
        None,
        3,
    )
    processing.settle(page_view(1, first=True))
    assert processing.finish().processed == 1
    assert processing.settle(action).duplicate == 1
    assert processing.counts(Outcome.PROCESSED) == {("s1", ""): 2}


def test_the_flag_of_an_action_opens_no_session(processing: Processing) -> None:
    assert processing.settle(event(1, "track.action", first=True)).waiting == 1
    assert processing.rows(SESSION) == []


def test_a_click_where_it_was(processing: Processing) -> None:
    processing.settle(
        event(1, "dom.click", click_x="37", click_y="89", target_url="http://shop.example:81/b/#x", dom_element_tag="a")
    )
    row = processing.row(CLICK)
    assert (row["click_x"], row["click_y"], row["position"]) == (37, 89, 3789)
    assert (row["target_url"], row["target_id"]) == ("http://shop.example/b", text_id("http://shop.example/b"))
    assert (row["dom_element_tag"], row["dom_element_class"], row["dom_element_parent_id"]) == ("a", NOT_SET, None)


@pytest.mark.parametrize(
    ("x", "y", "position"), [("-1", "2", None), ("", "2", None), ("2147483647", "2147483647", None), ("0", "7", 7)]
)
def test_the_position_of_a_click(processing: Processing, x: str, y: str, position: int | None) -> None:
    processing.settle(event(1, "dom.click", click_x=x, click_y=y))
    assert processing.row(CLICK)["position"] == position


def test_a_feed_request_waits_for_nothing(processing: Processing) -> None:
    assert processing.settle(event(1, "base.feed_request", feed_format="rss", feed_subscription_id="7")).processed == 1
    row = processing.row(FEED_REQUEST)
    assert (row["feed_format"], row["subscription_id"], row["second"]) == ("rss", 7, 0)


def test_the_first_session_of_a_visitor_is_that_of_his_first_event(processing: Processing) -> None:
    processing.settle(page_view(2, at=9, session=12, first=True), event(1, "track.action", session=11))
    assert processing.row(VISITOR)["first_session_id"] == 11


def test_an_order_with_its_items(processing: Processing) -> None:
    report = processing.settle(
        page_view(1, first=True),
        order(2, "A-1", "110.505", ("x", "45.00", "2"), ("X", "45.00", "1"), ("y", "0.015", "3"), at=1),
    )
    assert report.processed == 2
    row = processing.row(TRANSACTION)
    assert (row["id"], row["total_revenue"], row["tax_revenue"]) == (text_id("s1\0A-1"), 11051, 100)
    items = {item["sku"]: item for item in processing.rows(LINE_ITEM)}
    assert [(sku, items[sku]["quantity"], items[sku]["item_revenue"]) for sku in sorted(items)] == [
        ("x", 3, 13500),
        ("y", 3, 6),
    ]
    assert parts(processing) == {
        "commerce_trans_count": 1,
        "commerce_trans_revenue": 11051,
        "commerce_tax_revenue": 100,
        "commerce_shipping_revenue": 50,
        "commerce_items_count": 2,
        "commerce_items_quantity": 6,
        "commerce_items_revenue": 13506,
    }


def test_of_two_events_of_an_order_the_least_counts_in_any_order(processing: Processing) -> None:
    opening = page_view(1, first=True), page_view(2, session=12, first=True)
    least = order(3, "A-1", "10.00", ("x", "5", "2"), at=1, session=12)
    later = order(4, "a-1", "99.00", ("y", "99", "1"), ("z", "1", "1"), at=2)
    found = []
    for schedule in permutations((*opening, least, later)):
        processing.empty()
        for one in schedule:
            processing.settle(one)
        processing.finish()
        tables = (SESSION, TRANSACTION, LINE_ITEM, ORDER_EVENT)
        found.append([processing.rows(table) for table in tables])
    assert all(tables == found[0] for tables in found)
    assert parts(processing) == {}
    assert parts(processing, 12)["commerce_trans_revenue"] == 1000
    assert [item["sku"] for item in processing.rows(LINE_ITEM)] == ["x"]
    assert processing.row(TRANSACTION)["order_id"] == "A-1"
    assert processing.counts(Outcome.PROCESSED) == {("s1", ""): 4}
    assert processing.settle(later).duplicate == 1


def test_the_same_order_number_on_two_sites_are_two_orders(processing: Processing) -> None:
    processing.settle(order(1), order(2, site="s2"))
    assert len(processing.rows(TRANSACTION)) == 2


def test_orders_without_a_number_are_not_one(processing: Processing) -> None:
    processing.settle(page_view(1, first=True), order(2, "", "1"), order(3, " ", "2", ("x", "1", "1"), ("", "1", "1")))
    assert [row["order_id"] for row in processing.rows(TRANSACTION)] == [None, None]
    assert parts(processing)["commerce_trans_revenue"] == 300


def test_a_delayed_order_belongs_to_its_original_session_and_says_who_bought(processing: Processing) -> None:
    visit: dict[str, Any] = {
        "medium": "email",
        "source": "news",
        "language": "de",
        "cv1": "plan=gold",
        "HTTP_USER_AGENT": "curl/8",
    }
    first = page_view(1, first=True, session=11, visitor=21, **visit)
    delayed = order(2, original_session_id="11", session=77, visitor=88, at=900)
    rows = []
    for schedule in ((first, delayed), (delayed, first)):
        processing.empty()
        for one in schedule:
            processing.settle(one)
        processing.finish()
        rows.append(processing.row(TRANSACTION))
    assert rows[0] == rows[1]
    row = rows[0]
    assert (row["session_id"], row["visitor_id"], row["medium"], row["language"]) == (11, 21, "email", "de")
    assert (row["cv1_name"], row["ua_id"], row["timestamp"]) == ("plan", text_id("curl/8"), 1_795_263_300)
    assert parts(processing)["commerce_trans_count"] == 1


def test_a_delayed_order_follows_an_earlier_entry(processing: Processing) -> None:
    processing.settle(
        page_view(2, at=5, first=True, medium="late"), order(3, ("x"), "1", original_session_id="11", at=9)
    )
    assert processing.row(TRANSACTION)["medium"] == "late"
    processing.settle(page_view(1, at=1, first=True, medium="early"))
    assert processing.row(TRANSACTION)["medium"] == "early"


WRONG_MONEY = ["1,5", "1e3", "abc", "--1", "NaN", "9" * 40, {"0": "1"}, "10000000000000.01"]


@pytest.mark.parametrize("total", WRONG_MONEY, ids=str)
def test_money_of_the_wrong_form_is_null_and_counted(processing: Processing, total: Any) -> None:
    processing.settle(order(1, total=total))
    assert processing.row(TRANSACTION)["total_revenue"] is None
    assert processing.counts(Outcome.COERCED) == {("s1", "ct_total"): 1}


@pytest.mark.parametrize("items", ["x", {"0": "x"}, {"0": {"li_sku": "a"}, "b": "c"}], ids=str)
def test_items_of_the_wrong_form_cost_only_themselves(processing: Processing, items: Any) -> None:
    processing.settle(replace(order(1), properties={**order(1).properties, "ct_line_items": items}))
    assert processing.row(TRANSACTION)["total_revenue"] == 1000
    assert [item["sku"] for item in processing.rows(LINE_ITEM)] == (["a"] if "b" in items else [])
    assert processing.counts(Outcome.COERCED) == {("s1", "ct_line_items"): 1}


def test_more_money_than_a_column_holds_stops_nothing(processing: Processing) -> None:
    items = ("a", "10000000000.00", "2147483647"), ("b", "10000000000.00", "1")
    orders = order(2, "A", "10000000000", *items), order(3, "B", "10000000000")
    report = processing.settle(page_view(1, first=True), *orders)
    assert report.processed == 3
    assert [row["item_revenue"] for row in processing.rows(LINE_ITEM) if row["sku"] == "a"] == [None]
    found = parts(processing)
    assert (found["commerce_trans_revenue"], found["commerce_items_revenue"]) == (2 * 10**12, 10**12)


def test_a_place_that_the_event_names(processing: Processing) -> None:
    processing.settle(order(1, city="Berlin", state="BE", country="Germany"), order(2, "B", city="BERLIN", state="BE"))
    places = {(row["country"], row["state"], row["city"]): row["id"] for row in processing.rows(LOCATION)}
    assert places == {
        ("Germany", "BE", "Berlin"): 62397985360476524,
        (NOT_SET, "BE", "BERLIN"): text_id(f"{NOT_SET}BEBERLIN"),
    }


def test_goals_are_reached_by_any_event_and_an_order_says_what_they_are_worth(processing: Processing) -> None:
    processing.settle(
        page_view(1, first=True),
        event(2, "track.action", at=1, page_url="http://shop.example/cart/x?a=1#b"),
        order(3, "A", "8.00", at=3, page_url="http://shop.example/thanks/"),
    )
    found = parts(processing)
    assert (found["goal_1"], found["goal_1_value"]) == (1, 800)
    assert (found["goal_2"], found.get("goal_2_value", 0), found["goal_15"], found["goal_15_value"]) == (1, 0, 1, 7)
    assert (found["num_goals"], found["goals_value"]) == (3, 807)
    processing.settle(order(4, "B", "5.00", at=2, page_url="http://shop.example/thanks"))
    assert parts(processing)["goal_1_value"] == 500, "the least order counts"


def test_goals_wait_for_the_session_in_any_order(processing: Processing) -> None:
    events = (
        page_view(1, first=True, page_url="http://shop.example/cart"),
        event(2, "dom.click", at=1, page_url="http://shop.example/7"),
        order(3, "A", "8.00", ("x", "8", "1"), at=2, page_url="http://shop.example/thanks"),
        order(4, "A", "9.00", ("x", "9", "1"), at=3, page_url="http://shop.example/thanks"),
    )
    found = []
    for schedule in permutations(events):
        processing.empty()
        for one in schedule:
            processing.settle(one)
        processing.finish()
        found.append(processing.row(SESSION))
    assert all(row == found[0] for row in found)
    assert (found[0]["num_goals"], found[0]["goals_value"]) == (3, 807)


def test_an_order_event_that_lost_reaches_its_goals_all_the_same(processing: Processing) -> None:
    lost = order(4, "A", "9.00", at=3, page_url="http://shop.example/thanks")
    for schedule in permutations((page_view(1, first=True), order(3, "A", "8.00", at=2), lost)):
        processing.empty()
        for one in schedule:
            processing.settle(one)
        processing.finish()
        found = parts(processing)
        assert (found["goal_1"], found["goal_1_value"], found["commerce_trans_revenue"]) == (1, 500, 800)


def test_a_page_view_that_waited_counts_as_it_was_stored(tmp_path: Path, new_url: NewUrl) -> None:
    """Whatever was configured meanwhile: goals, places, filtered parameters."""
    sites = {"s1": Site("s1", "http://shop.example")}
    places: dict[str, Location] = {}
    processing = open_processing(
        tmp_path, url=new_url(), sites=sites, tell=lambda context: replace(context, locate=places.get)
    )
    processing.settle(page_view(2, at=2, page_url="http://shop.example/thanks?a=1", ip_address="192.0.2.1"))
    sites["s1"] = Site("s1", "http://shop.example", {"goals": dump(GOALS), "query_string_filters": "a"})
    places["192.0.2.1"] = Location("Iceland", "", "Reykjavik")
    processing.settle(page_view(3, at=1, first=True, page_url="http://shop.example/"))
    processing.finish()
    (session,) = processing.rows(SESSION)
    assert session["last_page_id"] == text_id("http://shop.example/thanks?a=1")
    assert (session["num_pageviews"], session["goal_1"], session["city"]) == (2, None, NOT_SET)
    assert session["location_id"] in {row["id"] for row in processing.rows(LOCATION)}
    processing.database.close()


def test_items_without_a_sku_are_told_apart(processing: Processing) -> None:
    processing.settle(order(1, "A", "3", ("", "1", "1"), ("", "2", "1"), (" x", "1", "1"), ("x ", "1", "1")))
    assert sorted((row["sku"] or "", row["item_revenue"]) for row in processing.rows(LINE_ITEM)) == [
        ("", 100),
        ("", 200),
        (" x", 200),
    ]


def test_blanks_around_an_orders_number_are_not_it(processing: Processing) -> None:
    processing.settle(order(1, " A-1"), order(2, "a-1 ", at=1))
    assert [row["order_id"] for row in processing.rows(TRANSACTION)] == [" A-1"]


def test_without_a_page_there_is_no_goal(processing: Processing) -> None:
    processing.settle(page_view(1, first=True, page_url=""))
    assert parts(processing) == {}


def test_events_of_a_session_without_page_views_are_finished_and_taken_in_later(processing: Processing) -> None:
    processing.settle(order(2, at=2), event(3, "track.action", at=3, page_url="http://shop.example/cart"))
    processing.clock.move(processing.settings[ORPHAN_SESSION_AGE] + 1)
    assert processing.processor.judge_orphans().processed == 2
    assert processing.rows(SESSION) == []
    processing.settle(page_view(1, first=True))
    found = parts(processing)
    assert (found["commerce_trans_count"], found["goal_2"]) == (1, 1)


def follow_ups(processing: Processing) -> list[str]:
    """The keys of what is to be told."""
    return sorted(row["event_type"] for row in processing.rows(QUEUE_ITEM) if row["remaining"] == "follow_up")


def test_handlers_are_told_what_follows_once(tmp_path: Path, new_url: NewUrl) -> None:
    wanted = dict.fromkeys((kind.value for kind in FollowUp), ("shop:rows",))
    processing = open_processing(tmp_path, url=new_url(), sites=SITES, subscribers=wanted)
    events = (
        event(3, "track.action", at=2, page_url="http://shop.example/cart"),
        page_view(1, first=True),
        page_view(2, at=1),
        order(4, at=3),
        order(4, at=3),
    )
    for one in events:
        processing.settle(one)
    processing.finish()
    assert follow_ups(processing) == [
        *["base.conversion"],
        *["base.fact_stored"] * 4,
        "base.new_session",
        "base.session_update",
        "ecommerce.transaction_stored",
    ]
    processing.database.close()
