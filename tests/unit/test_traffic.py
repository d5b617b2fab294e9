"""Generated traffic: the same for the same seed, and with the cases that break programs."""

from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from owa.events import Event
from owa.testing.traffic import Plan, deliver, generate, request_parameters

SITES = ("a" * 32, "b" * 32)
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
