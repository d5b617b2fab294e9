"""What a page view says by itself."""

from collections.abc import Mapping
from typing import Any

import pytest

from owa.analytics.fact import Derivation, Fact
from owa.analytics.page_view import PageView
from owa.analytics.page_view import page_view as view_of
from owa.analytics.tables import REQUEST
from owa.contributions import ProcessingContext, Site
from owa.events import Event
from owa.identity import NOT_SET, text_id
from tests.page_views import CHROME, context, page_view

NOT_SET_ID = 9128257944072328014


def derive(event: Event, context: ProcessingContext) -> tuple[Fact, PageView]:
    derivation = Derivation(context)
    fact = derivation.fact(event)
    return fact, view_of(fact, derivation)


def view(**properties: Any) -> PageView:
    return derive(page_view(**properties), context())[1]


def fact(**properties: Any) -> Fact:
    return derive(page_view(**properties), context())[0]


def row(**properties: Any) -> Mapping[str, Any]:
    return dict(view(**properties).row._asdict())


def test_row_has_every_column_but_those_that_nothing_fills() -> None:
    empty = {"inbound_visitor_id", "inbound_session_id", "feed_subscription_id", "site", "is_comment", "is_feedreader"}
    assert set(row()) == set(REQUEST.columns.keys()) - empty


def test_row_of_a_page_view_that_says_nothing() -> None:
    found = row(page_url="")
    assert {name: found[name] for name in found if found[name] not in (None, NOT_SET)} == {
        "id": 1_795_262_400_000_000_001,
        "site_id": "s1",
        "session_id": 11,
        "visitor_id": 21,
        "ua_id": NOT_SET_ID,
        "host_id": NOT_SET_ID,
        "os_id": text_id("(unknown)"),
        "location_id": 8826866110955584898,
        "referring_search_term_id": NOT_SET_ID,
        "source_id": NOT_SET_ID,
        "document_id": str(NOT_SET_ID),
        "timestamp": 1_795_262_400,
        "yyyymmdd": 20261121,
        "year": 2026,
        "month": 202611,
        "day": 21,
        "dayofweek": "Sat",
        "dayofyear": 324,
        "weekofyear": 47,
        "hour": 12,
        "minute": 0,
        "second": 0,
        "msec": 0,
        "is_new_visitor": 0,
        "is_repeat_visitor": 1,
        "medium": "direct",
        "os": "(unknown)",
        "carries_attribution": 0,
        "received_at": 1_795_262_400_000_000,
        "is_entry_page": 0,
        "is_browser": 0,
        "is_robot": 0,
    }


def test_ids_of_campaign_ad_and_referer_are_null_where_there_is_none() -> None:
    found = row()
    assert (found["campaign_id"], found["ad_id"], found["referer_id"]) == (None, None, None)
    found = row(campaign="Spring", ad="banner", session_referer="http://a.example/")
    assert (found["campaign_id"], found["ad_id"]) == (2632637738246153768, text_id("banner"))
    assert found["referer_id"] == text_id("http://a.example/")


def test_new_visitor_is_no_repeat_visitor() -> None:
    found = row(is_new_visitor="true")
    assert (found["is_new_visitor"], found["is_repeat_visitor"]) == (1, None)


def test_flag_opens_the_session() -> None:
    assert view(first=True).opens_session
    assert row(first=True)["is_entry_page"] == 1
    assert not view(is_new_session="false").opens_session


def test_moment_has_milliseconds() -> None:
    found = derive(page_view(at=61.0456789), context())[1].row._asdict()
    assert (found["timestamp"], found["minute"], found["second"], found["msec"]) == (1_795_262_461, 1, 1, 45)


def test_calendar_is_of_the_configured_zone() -> None:
    found = derive(page_view(), context(OWA_TIMEZONE="Pacific/Auckland"))[1].row._asdict()
    assert (found["yyyymmdd"], found["hour"], found["dayofweek"]) == (20261122, 1, "Sun")


def test_browser_and_system_are_of_the_event_itself() -> None:
    found = row(HTTP_USER_AGENT=CHROME)
    assert (found["ua_id"], found["os"], found["os_id"]) == (5076676705042073352, "Linux", 4193498486161244098)
    assert (found["is_browser"], found["is_robot"]) == (1, 0)


@pytest.mark.parametrize(
    ("sent", "full_host", "host"),
    [
        ("pool-1.ISP.example.co.uk.", "pool-1.isp.example.co.uk", "example.co.uk"),
        ("localhost", "localhost", "localhost"),
        ("192.0.2.1", NOT_SET, NOT_SET),
        ("2001:db8::a", NOT_SET, NOT_SET),
        (NOT_SET, NOT_SET, NOT_SET),
        ("", NOT_SET, NOT_SET),
    ],
)
def test_host(sent: str, full_host: str, host: str) -> None:
    found = fact(REMOTE_HOST=sent)
    assert (found.whereabouts.full_host, found.whereabouts.host) == (full_host, host)
    assert row(REMOTE_HOST=sent)["host_id"] == text_id(host)


@pytest.mark.parametrize(
    ("sent", "name", "value"),
    [
        ("plan=gold", "plan", "gold"),
        ("a=b=c", "a", "b=c"),
        ("plan=", "plan", NOT_SET),
        ("=gold", NOT_SET, "gold"),
        ("gold", NOT_SET, NOT_SET),
        ("", NOT_SET, NOT_SET),
    ],
)
def test_custom_variable(sent: str, name: str, value: str) -> None:
    found = row(cv3=sent)
    assert (found["cv3_name"], found["cv3_value"], found["cv1_name"]) == (name, value, NOT_SET)


def test_the_page_before_counts_on_the_same_host_only() -> None:
    here = row(HTTP_REFERER="http://shop.example:81/cart/?owa_medium=x")
    assert here["prior_document_id"] == str(text_id("http://shop.example/cart"))
    assert row(HTTP_REFERER="http://other.example/cart")["prior_document_id"] is None
    assert row(page_url="a", HTTP_REFERER="a")["prior_document_id"] is None


def test_filters_and_default_page_are_those_of_the_installation_and_the_site() -> None:
    site = Site("s1", "shop.example", {"query_string_filters": "b, c", "default_page": "index.html"})
    event = page_view(page_url="http://shop.example/index.html?a=1&b=2&c=3&d=4")
    assert derive(event, context([site], OWA_QUERY_STRING_FILTERS="a"))[0].url == "http://shop.example/?d=4"
    assert derive(event, context())[0].url == "http://shop.example/index.html?a=1&b=2&c=3&d=4"


def test_both_names_of_the_visit_counts() -> None:
    short = row(nps="2", dsps="3", dsfs="4")
    long = row(num_prior_sessions="2", days_since_prior_session="3", days_since_first_session="4")
    assert short == long
    assert (short["num_prior_sessions"], short["days_since_prior_session"], short["days_since_first_session"]) == (
        2,
        3,
        4,
    )


def test_values_of_the_wrong_type_become_null_and_are_named() -> None:
    sent: dict[str, Any] = {
        "nps": "abc",
        "last_req": "soon",
        "prior_session_id": "x",
        "page_title": {"0": "a"},
        "medium": ["email"],
    }
    found, own = derive(page_view(**sent), context())
    assert (own.row.num_prior_sessions, own.row.last_req, own.prior_session_id) == (None, None, None)
    assert (found.title, own.row.medium) == ("", "direct")
    assert sorted(found.values.coerced) == ["last_req", "medium", "nps", "page_title", "prior_session_id"]


def test_text_is_kept_as_sent() -> None:
    assert fact(page_title=" <b>Größe</b> & \ufffd ").title == " <b>Größe</b> & \ufffd "
