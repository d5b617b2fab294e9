"""The oracle in cases of which it is plain what must come out."""

from collections import Counter
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests import oracle

GIVEN = oracle.Given(
    zone=ZoneInfo("UTC"),
    filters=(),
    agent=lambda _text: oracle.Agent(),
    registrable_domain=lambda host: host,
    adopt=True,
    goals={"s1": {1: ("begins", "/thanks", 500), 2: ("exact", "/", 10), 9: ("regex", "[0-9]$", 7)}},
    locate={"192.0.2.1": ("Japan", "", "", "JP", "", ""), "192.0.2.2": ("japan", "", "", "", "36", "138")}.get,
)
SHOP = "http://shop.example"


def sent(kind: str, number: int, session: int = 11, visitor: int = 21, **properties: Any) -> oracle.Event:
    """Event `number`, `number` seconds after the start. Page views that are number 1 open their session."""
    flag = {"is_new_session": "1"} if number == 1 else {}
    return {
        "guid": number,
        "event_type": kind,
        "received_at": number * 10**6,
        "site_id": "s1",
        "visitor_id": visitor,
        "session_id": session,
        "properties": {"page_url": f"{SHOP}/page", **flag, **properties},
    }


def view(number: int, session: int = 11, visitor: int = 21, **properties: Any) -> oracle.Event:
    return sent("base.page_request", number, session, visitor, **properties)


def order(number: int, session: int = 11, visitor: int = 21, **properties: Any) -> oracle.Event:
    return sent("ecommerce.transaction", number, session, visitor, **properties)


def tables(*events: oracle.Event, adopt: bool = True) -> oracle.Tables:
    return oracle.tables(events, replace(GIVEN, adopt=adopt))


def only(made: oracle.Tables, table: str) -> oracle.Row:
    (row,) = made.rows[table]
    return row


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        *(("110.50", 11_050), ("7", 700), ("-3", -300), ("0.005", 1), ("-1.005", -101), ("2.675", 268), ("0.0049", 0)),
        *(("10000000000", 10**12), ("10000000000.004", 10**12), ("10000000000.005", None)),
        *((wrong, None) for wrong in ("1,5", "1e3", ".5", "5.", "abc", "--1", {"0": "1"})),
    ],
)
def test_money_is_cents_or_nothing(text: Any, cents: int | None) -> None:
    made = tables(order(2, ct_total=text))
    assert only(made, "owa_commerce_transaction_fact")["total_revenue"] == cents
    assert made.coerced == Counter({("s1", "ct_total"): 1} if cents is None else {})


def test_absent_money_is_not_wrong() -> None:
    made = tables(order(2, ct_total=""))
    assert only(made, "owa_commerce_transaction_fact")["total_revenue"] is None
    assert made.coerced == Counter()


def test_the_least_event_of_an_order_counts_with_its_lines() -> None:
    lines = {"0": {"li_sku": "A", "li_unit_price": "1.00", "li_quantity": "3"}}
    made = tables(view(1), order(3, ct_order_id="o", ct_total="9"), order(2, ct_order_id="O ", ct_line_items=lines))
    row = only(made, "owa_commerce_transaction_fact")
    assert (row["event_guid"], row["order_id"], row["total_revenue"]) == (2, "O ", None)
    assert only(made, "owa_commerce_line_item_fact")["item_revenue"] == 300
    session = only(made, "owa_session")
    assert (session["commerce_trans_count"], session["commerce_trans_revenue"]) == (1, 0)
    assert (session["commerce_items_count"], session["commerce_items_quantity"]) == (1, 3)
    assert session["commerce_items_revenue"] == 300


def test_orders_without_a_number_are_one_each() -> None:
    made = tables(order(2, ct_order_id=""), order(3, ct_order_id="(not set)"), order(4, ct_order_id=" "))
    rows = made.rows["owa_commerce_transaction_fact"]
    assert [(row["id"], row["order_id"]) for row in rows] == [(2, None), (3, None), (4, None)]


def test_lines_of_one_sku_add_up_in_the_order_of_their_numbers() -> None:
    lines = {
        "10": {"li_sku": "a", "li_product_name": "Last", "li_quantity": "2"},
        "2": {"li_sku": "A", "li_product_name": "First", "li_unit_price": "5", "li_quantity": "1"},
        "3": "no line",
        "first": {"li_sku": "B"},
    }
    made = tables(order(2, ct_order_id="o", ct_line_items=lines))
    found = {row["sku"]: row for row in made.rows["owa_commerce_line_item_fact"]}
    assert set(found) == {"A", "B"}
    assert (found["A"]["product_name"], found["A"]["unit_price"]) == ("First", 500)
    assert (found["A"]["quantity"], found["A"]["item_revenue"]) == (3, 500)
    assert (found["B"]["quantity"], found["B"]["item_revenue"]) == (None, None)
    assert made.coerced == {("s1", "ct_line_items"): 1}


@pytest.mark.parametrize("lines", ["none", {"0": "1"}, {"0": "1", "1": "2"}])
def test_what_are_no_lines_is_wrong_once(lines: Any) -> None:
    made = tables(order(2, ct_order_id="o", ct_line_items=lines))
    assert made.rows["owa_commerce_line_item_fact"] == []
    assert made.coerced == {("s1", "ct_line_items"): 1}


def test_an_order_that_lost_still_reaches_goals() -> None:
    """It is an event of the session; its total is not that of any order."""
    lost = order(3, ct_order_id="o", ct_total="9", page_url=f"{SHOP}/thanks")
    made = tables(view(1), order(2, ct_order_id="o", ct_total="8"), lost)
    assert (only(made, "owa_session")["goal_1"], only(made, "owa_session")["goal_1_value"]) == (1, 500)
    assert only(made, "owa_commerce_transaction_fact")["goals"] is None


def test_an_order_of_an_earlier_session_follows_that_ones_entry() -> None:
    late = order(5, session=12, visitor=22, original_session_id="11", ct_total="8", language="de")
    made = tables(view(1, language="en", cv1="plan=gold"), late)
    row = only(made, "owa_commerce_transaction_fact")
    assert (row["session_id"], row["visitor_id"], row["language"], row["cv1_value"]) == (11, 21, "en", "gold")
    assert (row["timestamp"], row["received_at"], row["original_session"]) == (5, 5_000_000, 1)
    assert only(made, "owa_session")["commerce_trans_revenue"] == 800
    first_sessions = {row["id"]: row["first_session_id"] for row in made.rows["owa_visitor"]}
    assert first_sessions == {21: 11, 22: 11}


def test_an_order_of_a_session_that_never_opens_keeps_its_own() -> None:
    made = tables(view(1), order(5, visitor=22, original_session_id="12"))
    row = only(made, "owa_commerce_transaction_fact")
    assert (row["session_id"], row["visitor_id"], row["original_session"]) == (12, 22, 1)
    assert only(made, "owa_session")["commerce_trans_count"] == 0


def test_goals_are_worth_the_total_of_the_least_order_that_reaches_them() -> None:
    thanks = f"{SHOP}/thanks/8"
    made = tables(
        view(1, page_url=SHOP),
        order(4, ct_total="3", page_url=thanks),
        order(3, ct_total="2", page_url=thanks),
        order(2, ct_total="1"),
    )
    session = only(made, "owa_session")
    assert {name: session[f"goal_{name}_value"] for name in (1, 2, 3, 9)} == {1: 200, 2: 10, 3: None, 9: 200}
    assert (session["num_goals"], session["goals_value"], session["goal_3"]) == (3, 410, None)
    assert [row["goals"] for row in made.rows["owa_commerce_transaction_fact"]].count(1 | 1 << 8) == 2


def test_a_goal_whose_order_has_no_total_is_worth_what_it_says() -> None:
    made = tables(view(1), order(2, page_url=f"{SHOP}/thanks"), order(3, page_url=f"{SHOP}/thanks", ct_total="1"))
    assert only(made, "owa_session")["goal_1_value"] == 500


def test_actions_and_clicks_reach_goals_and_dom_streams_do_not() -> None:
    for kind, goals in (("track.action", 1), ("dom.click", 1), ("dom.stream", None), ("base.feed_request", None)):
        assert only(tables(view(1), sent(kind, 2, page_url=f"{SHOP}/thanks")), "owa_session")["num_goals"] == goals


def test_no_goal_is_null() -> None:
    session = only(tables(view(1)), "owa_session")
    assert {session[name] for name in ("num_goals", "goals_value", "num_goal_starts", "goal_1", "goal_1_value")} == {
        None
    }


KINDS = ("track.action", "dom.click", "ecommerce.transaction", "base.feed_request", "dom.stream")


def test_all_but_feed_requests_wait_for_their_session() -> None:
    events = [sent(kind, number) for number, kind in enumerate(KINDS, start=2)]
    assert tables(*events, adopt=False).waiting == [2, 3, 4, 6]
    assert tables(*events, view(9), adopt=False).waiting == [2, 3, 4, 6, 9]
    assert tables(*events, view(1), adopt=False).waiting == []


def test_without_a_page_view_nothing_is_adopted() -> None:
    made = tables(*(sent(kind, number) for number, kind in enumerate(KINDS, start=2)))
    assert (made.waiting, made.rows["owa_session"]) == ([], [])


def test_places_are_those_of_the_event_before_those_of_its_address() -> None:
    made = tables(
        view(1, ip_address="192.0.2.1"),
        view(2, ip_address="192.0.2.2"),
        view(3, ip_address="192.0.2.2", country="Germany", city="Berlin"),
        view(4, ip_address="192.0.2.9", country="(not set)"),
    )
    rows = {row["place"]: row for row in made.rows["owa_location_dim"]}
    unset = "(not set)"
    assert set(rows) == {f"Japan\x1f{unset}\x1f{unset}", f"Germany\x1f{unset}\x1fBerlin", "\x1f".join([unset] * 3)}
    japan = rows[f"Japan\x1f{unset}\x1f{unset}"]
    assert (japan["country_code"], japan["country_code_guid"]) == ("JP", 1)
    assert (japan["latitude"], japan["latitude_guid"]) == ("36", 2)
    assert (only(made, "owa_session")["country"], only(made, "owa_session")["city"]) == ("Japan", unset)


def test_a_click_has_a_position_only_where_it_fits() -> None:
    for x, y, position in (("37", "89", 3789), ("-1", "2", None), ("2147483647", "2147483647", None), ("", "1", None)):
        assert only(tables(sent("dom.click", 2, click_x=x, click_y=y)), "owa_click")["position"] == position


def test_a_stream_is_longer_than_a_text() -> None:
    made = tables(sent("dom.stream", 2, stream_events="y" * 70_000, page_title="x" * 5_000))
    assert len(only(made, "owa_domstream")["events"]) == 65_536
    assert len(only(made, "owa_document")["page_title"]) == 4_096
