"""One session of 100,000 page views against as many sessions of one: what an event costs must not grow with them.

Its first hit comes first, or last: then all of its page views wait for it, and are finished in one go.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select

from bench.installation import SITE_ID, installed
from owa.analytics.tables import SESSION
from owa.db.bulk import chunks
from owa.events import Event
from owa.processing.drain import drain_events
from owa.testing.traffic import Plan, generate

EVENTS = 100_000


def measure_hot_session(folder: Path) -> tuple[float, float]:
    """CPU seconds per event: (one session, a session for each). Raises `AssertionError` when an event is missing."""
    return _drain(folder / "hot", _one_session(_page_views()), 1), _drain(folder / "cold", _page_views(), EVENTS)


def measure_hot_session_that_waited(folder: Path) -> tuple[float, float]:
    """The same, but each first hit comes when all the others have been drained."""
    hot, cold = _one_session(_page_views()), _pairs(_page_views())
    return _drain_late(folder / "hot", hot, 1), _drain_late(folder / "cold", cold, EVENTS // 2)


def _page_views() -> list[Event]:
    """Page views, each of which opens a session of its own."""
    return [
        replace(event, session_id=event.guid, properties={**event.properties, "is_new_session": "true"})
        for event in generate(Plan(EVENTS, (SITE_ID,), nasty=0))
    ]


def _one_session(events: Sequence[Event]) -> list[Event]:
    """The page views as one session's."""
    first, *others = events
    return [first, *(replace(_later(event), session_id=first.session_id) for event in others)]


def _pairs(events: Sequence[Event]) -> list[Event]:
    """The page views as sessions of two: first all first hits, then all the others."""
    half = len(events) // 2
    pairs = zip(events[:half], events[half:], strict=True)
    return [*events[:half], *(replace(_later(event), session_id=first.session_id) for first, event in pairs)]


def _later(event: Event) -> Event:
    return replace(event, properties={**event.properties, "is_new_session": ""})


def _drain(folder: Path, events: Sequence[Event], sessions: int) -> float:
    return _measure(folder, [events], sessions)


def _drain_late(folder: Path, events: Sequence[Event], sessions: int) -> float:
    return _measure(folder, [events[sessions:], events[:sessions]], sessions)


def _measure(folder: Path, parts: Sequence[Sequence[Event]], sessions: int) -> float:
    """CPU seconds per event to drain the parts, one after the other."""
    elapsed = 0.0
    with installed(folder) as installation:
        for events in parts:
            for part in chunks(events):
                installation.incoming.put(part)
            started = time.process_time()
            drain_events(installation.incoming, installation.processor)
            elapsed += time.process_time() - started
        with installation.database.reading() as connection:
            stored = connection.execute(select(func.count(), func.sum(SESSION.c.num_pageviews)).select_from(SESSION))
            assert stored.one() == (sessions, EVENTS)
    return elapsed / EVENTS
