"""Small makers of values for tests."""

from dataclasses import replace
from typing import Any

from owa.events import Event

NOON = 1_795_291_200_000_000
"""A moment, in microseconds."""

SITE = "c0ffee00c0ffee00c0ffee00c0ffee00"

_EVENT = Event(
    guid=1_795_291_200_000_00_0001,
    event_type="base.page_request",
    site_id=SITE,
    visitor_id=1_795_291_111_000_000_001,
    session_id=1_795_291_111_000_000_002,
    received_at=NOON,
    server=0,
    properties={"page_url": "http://example.org/", "page_title": "Start", "is_new_session": "true"},
)


def make_event(**changes: Any) -> Event:
    """A page view that opens its session, with some fields changed."""
    return replace(_EVENT, **changes)
