"""What the events of a batch agree in is worked out once, and is the same as if it were worked out for each."""

from typing import Any

import pytest

from owa.analytics.fact import Derivation, shared_columns
from owa.contributions import ProcessingContext
from owa.events import Event
from tests.page_views import CHROME, context, page_view

SENT: list[dict[str, Any]] = [
    {},
    {"HTTP_USER_AGENT": CHROME, "cv1": "plan=gold", "ip_address": "198.51.100.7"},
    {"medium": "email", "campaign": "spring", "ad": "a", "ad_type": "banner"},
    {"session_referer": "https://www.google.com/search?q=owa", "REMOTE_HOST": "dial.example.co.uk"},
    {"country": "France", "city": "Paris", "cv2": "=x", "cv3": "y"},
    {"medium": ["email"], "cv1": {"0": "a"}, "ip_address": 7},
    {"medium": True, "source": 1, "campaign": 1.0},
]


def events() -> list[Event]:
    return [page_view(number, **sent) for number, sent in enumerate(SENT * 2, 1)]


def test_events_that_agree_share_what_follows() -> None:
    derivation = Derivation(context())
    one, other = (derivation.fact(page_view(number, medium="email", cv1="a=b")) for number in (1, 2))
    assert one.origin is other.origin
    assert one.custom_variables is other.custom_variables
    assert one.agent is other.agent
    assert one.whereabouts is other.whereabouts


def test_a_batch_is_derived_as_its_events_one_by_one() -> None:
    together = Derivation(context())
    for event in events():
        alone, shared = Derivation(context()).fact(event), together.fact(event)
        assert shared_columns(shared) == shared_columns(alone)
        assert (shared.origin, shared.whereabouts, shared.agent) == (alone.origin, alone.whereabouts, alone.agent)
        assert sorted(shared.values.coerced) == sorted(alone.values.coerced)


@pytest.mark.parametrize("sent", [["email"], {"0": "email"}, 1, True, 1.0])
def test_each_event_tells_what_had_to_be_coerced(sent: object) -> None:
    derivation = Derivation(context())
    facts = [derivation.fact(page_view(number, medium=sent)) for number in (1, 2)]
    assert [fact.values.coerced for fact in facts] == [["medium"], ["medium"]]


def test_nothing_is_remembered_beyond_a_batch() -> None:
    now: ProcessingContext = context()
    event = page_view(medium="email")
    assert Derivation(now).fact(event).origin is not Derivation(now).fact(event).origin
