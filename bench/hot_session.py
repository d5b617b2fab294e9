"""One session of all page views against as many sessions of one: what an event costs must not grow with them.

Its first hit comes first, or last: then all of its page views wait for it, and are finished in one go.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select

from bench.installation import SITE_ID, installed, page_views
from bench.measuring import Figure, Result, Size, check, in_turn
from owa.analytics.tables import SESSION
from owa.db.bulk import chunks
from owa.events import Event
from owa.processing.drain import drain_events
from owa.testing.traffic import Plan, generate

EVENTS = 20_000
ROUNDS = 3


def measure_hot_session(_folder: Path, size: Size) -> Result:
    """CPU time of an event. Raises `NotDone` when one is missing."""
    count, rounds = size.of(EVENTS, 500), size.times(ROUNDS)
    views = _page_views(count)
    one, pairs = _one_session(views), _pairs(views)
    early = in_turn(rounds, lambda _number: _drain([one], 1), lambda _number: _drain([views], count))
    late = in_turn(
        rounds,
        lambda _number: _drain([one[1:], one[:1]], 1),
        lambda _number: _drain([pairs[count // 2 :], pairs[: count // 2]], count // 2),
    )
    return Result(
        (
            Figure("hot session", "one session", "a session each", "µs", early, "near 1"),
            Figure("hot session, its first hit last", "one session", "a session for two each", "µs", late, "near 1"),
        )
    )


def _page_views(count: int) -> list[Event]:
    """Page views, each of which opens a session of its own."""
    return [
        replace(event, session_id=event.guid, properties={**event.properties, "is_new_session": "true"})
        for event in generate(Plan(count, (SITE_ID,), nasty=0))
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


def _drain(parts: Sequence[Sequence[Event]], sessions: int) -> float:
    """CPU microseconds per event to drain the parts, one after the other."""
    elapsed, count = 0.0, sum(map(len, parts))
    with TemporaryDirectory() as folder, installed(Path(folder)) as installation:
        for events in parts:
            for part in chunks(events):
                installation.incoming.put(part)
            started = time.process_time()
            drain_events(installation.incoming, installation.processor)
            elapsed += time.process_time() - started
        with installation.database.reading() as connection:
            stored = connection.execute(select(func.count(), func.sum(SESSION.c.num_pageviews)).select_from(SESSION))
            check(tuple(stored.one()), (sessions, count), "sessions and page views")
        check(page_views(installation), count, "page views stored")
    return elapsed / count * 1e6
