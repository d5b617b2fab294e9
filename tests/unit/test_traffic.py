"""Generated traffic: the same for the same seed, and with the cases that break programs."""

from collections import Counter, defaultdict
from dataclasses import replace
from hashlib import sha256

import pytest

from owa.events import Event
from owa.testing.traffic import Plan, deliver, generate, request_parameters

SITES = ("a" * 32, "b" * 32)
OTHERS = {"track.action", "dom.click", "ecommerce.transaction", "base.feed_request", "dom.stream"}
PLAN = Plan(3_000, SITES, seed=7, servers=5, duplicates=0.2, nasty=0.5, skew=120)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return generate(PLAN)


@pytest.fixture(scope="module")
def sessions(events: list[Event]) -> dict[tuple[str, int], list[Event]]:
    found = defaultdict(list)
    for event in events:
        found[event.site_id, event.session_id].append(event)
    return found


@pytest.fixture(scope="module")
def all_families() -> list[Event]:
    return generate(replace(PLAN, families=True))


def flags(views: list[Event]) -> int:
    return sum("is_new_session" in view.properties for view in views)


def test_same_seed_same_traffic(events: list[Event]) -> None:
    assert generate(PLAN) == events
    assert generate(Plan(3_000, SITES, seed=8, servers=5)) != events


def test_there_are_as_many_as_asked_for_each_with_a_guid_of_its_own(events: list[Event]) -> None:
    assert len({event.guid for event in events}) == len(events) == 3_000
    assert {event.server for event in events} == set(range(5))
    assert {event.site_id for event in events} == set(SITES)


def test_visitors_come_back(sessions: dict[tuple[str, int], list[Event]]) -> None:
    visits = Counter(views[0].visitor_id for views in sessions.values())
    assert visits.most_common(1)[0][1] > 1


def test_nasty_sessions_are_there(sessions: dict[tuple[str, int], list[Event]]) -> None:
    assert any(flags(views) == 0 for views in sessions.values()), "no first hit that never comes"
    assert any(flags(views) > 1 for views in sessions.values()), "no two flagged first hits"
    assert any(len({view.received_at for view in views}) < len(views) for views in sessions.values())
    assert max(Counter(session for _, session in sessions).values()) == 2, "no session id on two sites"
    urls = {str(view.properties["page_url"]) for views in sessions.values() for view in views}
    assert len({url.lower() for url in urls}) < len(urls), "no addresses that differ in case only"


def test_ordinary_sessions_open_with_their_first_page() -> None:
    found = defaultdict(list)
    for event in generate(Plan(500, SITES, nasty=0)):
        found[event.session_id].append(event)
    assert all(flags(views) == 1 and "is_new_session" in views[0].properties for views in found.values())


def test_delivery_is_late_shuffled_and_repeated(events: list[Event]) -> None:
    deliveries = deliver(PLAN, late_server=3)
    arrived = [delivery.event.guid for delivery in deliveries]
    assert set(arrived) == {event.guid for event in events}
    assert 0.1 < len(arrived) / len(events) - 1 < 0.3
    assert arrived != [event.guid for event in events]
    first_late = next(delivery for delivery in deliveries if delivery.event.server == 3)
    assert first_late.arrives_at - first_late.event.received_at / 1e6 >= 3_600


def test_a_repeating_server_delivers_everything_twice(events: list[Event]) -> None:
    deliveries = deliver(replace(PLAN, duplicates=0), repeating_server=2)
    arrived = Counter(delivery.event.guid for delivery in deliveries)
    assert {event.guid for event in events if event.server == 2} == {
        guid for guid, times in arrived.items() if times > 1
    }
    assert max(arrived.values()) == 2
    assert any(delivery.arrives_at - delivery.event.received_at / 1e6 > 600 for delivery in deliveries)


def test_request_has_what_a_tracker_sends_and_not_what_the_server_sees(events: list[Event]) -> None:
    sent = request_parameters(events[0])
    assert sent["owa_event_type"] == "base.page_request"
    assert sent["owa_session_id"] == str(events[0].session_id)
    assert not {"owa_HTTP_USER_AGENT", "owa_ip_address", "owa_language"} & set(sent)


def test_nested_values_have_brackets(all_families: list[Event]) -> None:
    order = next(event for event in all_families if "ct_line_items" in event.properties)
    sku = order.properties["ct_line_items"]["0"]["li_sku"]
    assert request_parameters(order)["owa_ct_line_items[0][li_sku]"] == sku
    assert not any("{" in value for name, value in request_parameters(order).items() if "line_items" in name)


def test_traffic_of_all_families_has_each(all_families: list[Event]) -> None:
    kinds = Counter(event.event_type for event in all_families)
    assert len(all_families) == 3_000
    assert len({event.guid for event in all_families}) == 3_000
    assert kinds.keys() == {"base.page_request", *OTHERS}
    assert kinds["base.page_request"] > 1_000
    assert all(kinds[kind] > 30 for kind in OTHERS), kinds


def test_orders_come_twice_and_late(all_families: list[Event]) -> None:
    orders = [event for event in all_families if event.event_type == "ecommerce.transaction"]
    times = Counter((event.site_id, str(event.properties["ct_order_id"]).lower()) for event in orders)
    assert times.most_common(1)[0][1] > 1
    viewed = {event.session_id for event in all_families if event.event_type == "base.page_request"}
    late = [event for event in orders if "original_session_id" in event.properties]
    assert any(int(event.properties["original_session_id"]) in viewed for event in late)
    assert not viewed & {event.session_id for event in late}


def test_some_sessions_have_no_page_view(all_families: list[Event]) -> None:
    kinds = defaultdict(set)
    for event in all_families:
        kinds[event.site_id, event.session_id].add(event.event_type)
    assert any(found & {"dom.click", "track.action"} and "base.page_request" not in found for found in kinds.values())


def test_the_same_seed_makes_the_same_traffic_of_all_families(all_families: list[Event]) -> None:
    assert generate(replace(PLAN, families=True)) == all_families


def test_page_views_alone_are_what_they_were() -> None:
    """Benchmarks compare with what they measured before."""
    told = [
        (
            delivery.arrives_at,
            delivery.event.key,
            delivery.event.site_id,
            sorted(request_parameters(delivery.event).items()),
        )
        for delivery in deliver(PLAN, late_server=0)
    ]
    assert sha256(repr(told).encode()).hexdigest() == "f91694bd5bdcb41a4bf9cc77f10ec23efcea6988369a190e79cafd0eaa1f0a47"
