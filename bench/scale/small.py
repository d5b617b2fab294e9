"""The small installation: its events have all come the way that events come."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from sqlalchemy import Connection, insert, update

from bench.scale.sizes import Size
from owa.accounts import audit, changes
from owa.accounts.audit import COMMAND_LINE
from owa.accounts.users import User
from owa.app import Installation
from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import configuration as stored
from owa.db.bulk import chunks
from owa.db.history import AGE, MINUTE, QUEUE_SAMPLE, SHARED
from owa.db.jobs import JOB_RUN, JOBS
from owa.db.metadata import METADATA
from owa.db.migrate import upgrade
from owa.db.modules import Switch, switch_module
from owa.events import Event
from owa.processing.drain import drain_events
from owa.queues.contract import Delivery, Failure, Remaining
from owa.testing.traffic import PAGE_VIEW, Plan, generate

DOMAINS = ("https://one.example", "https://two.example", "https://three.example")
ADMIN, PASSWORD = "admin", "correct horse"

SETTABLE = "maxmind_geoip"
"""A module that has settings."""

SPAN = 25_000
"""Seconds in which the events of a small installation were received."""

HANDLERS = ("webhook:send", "shop_events:orders")
RUNS = 100
ENTRIES = 100

ERRORS = (
    "OperationalError: no such column: guid_{0}",
    "ValueError: invalid literal for int() with base 10: 'order {0}'",
    "TimeoutError: shop.example did not answer for {0} s",
    "KeyError: 'sku {0}'",
    "it has waited for its session {0} in vain",
)


def install(installation: Installation) -> None:
    """Tables, sites and an admin."""
    upgrade(installation.database)
    with installation.database.writing() as connection:
        for domain in DOMAINS:
            stored.add_site(connection, domain)
        switch_module(connection, SETTABLE, Switch.ON, ADMIN, installation.clock.now())
        changes.add(connection, COMMAND_LINE, User(ADMIN, "admin"), PASSWORD, installation.clock.now())
    installation.configuration.signal_change()


def fill(installation: Installation, size: Size, age: int) -> None:
    """Put all of it into an installation that is new. `age`: for how many seconds the first event has been there."""
    sites = tuple(stored.site_id_of(domain) for domain in DOMAINS)
    traffic = _traffic(installation, Plan(size.stored * 11 // 10, sites, families=True, nasty=0), age)
    _drain(installation, islice(traffic, size.stored))
    processing = size.processing
    waiting = islice(_unopened(sites, age), processing * 6 // 10)
    _drain(installation, waiting)
    parts = _traffic(installation, Plan(2 * size.queued, sites, seed=3, families=True, nasty=0), age)
    now = installation.clock.now()
    with installation.database.writing() as connection:
        retries = installation.retries
        retries.keep(connection, _failures(islice(parts, processing // 5), now, now + 3_600 * MICROSECONDS), now)
        failed = list(islice(parts, size.failed))
        retries.keep(connection, _failures(failed, now, None), now)
        for number in range(2):  # so that they have several attempts
            retries.keep(connection, _failures(failed[:: number + 2], now, None), now)
        left = processing - processing // 5 - processing * 6 // 10
        events = list(islice(parts, left))
        for number, handler in enumerate(HANDLERS):
            mine = events[number :: len(HANDLERS)]
            retries.enqueue(connection, [Delivery(event, handler) for event in mine], now)
        given_up = _failures(islice(parts, size.failed), now, None)
        retries.keep(connection, given_up, now)
        retries.discard(connection, [(one.event.guid, one.handler) for one in given_up], now)
        done = list(islice(parts, size.queued // 10))
        retries.keep(connection, _failures(done, now, now), now)
        retries.done(connection, done, now)
        _date_back(connection, age)
        _note_runs(connection, now)
        for number in range(ENTRIES):
            audit.record(connection, COMMAND_LINE, now, "run job", f"job {number}")
    for batch in chunks(islice(parts, size.incoming), 2_000):
        installation.incoming.put(batch)


def _traffic(installation: Installation, plan: Plan, age: int) -> Iterator[Event]:
    """Of the kinds that are stored: a module that is off may have others."""
    kinds = installation.handlers.event_types()
    return (_earlier(event, age) for event in generate(plan) if event.event_type in kinds)


def _earlier(event: Event, seconds: int) -> Event:
    by = seconds * 10**9
    return replace(
        event,
        guid=event.guid - by,
        session_id=event.session_id - by,
        visitor_id=event.visitor_id - by,
        received_at=event.received_at - seconds * MICROSECONDS,
    )


def _unopened(sites: tuple[str, ...], age: int) -> Iterable[Event]:
    """Page views whose sessions have not come: each after the first of its session."""
    for event in generate(Plan(SPAN // 4, sites, seed=2, nasty=0)):
        if "is_new_session" not in event.properties:
            yield _earlier(event, age)


def _drain(installation: Installation, events: Iterable[Event]) -> None:
    for batch in chunks(events, 2_000):
        installation.incoming.put(batch)
    drain_events(installation.incoming, installation.processor, judge_orphans=False)


def _failures(events: Iterable[Event], now: int, retry_at: int | None) -> list[Failure]:
    """Most are page views that the core cannot store, of a few kinds of errors."""
    found = []
    for number, event in enumerate(events):
        error = ERRORS[0 if number % 5 < 3 else number % len(ERRORS)].format(number)
        handler, remaining = ("", Remaining.EVERYTHING) if number % 2 else (HANDLERS[0], Remaining.DELIVERY)
        site = event.site_id if number % 3 else stored.site_id_of(DOMAINS[0])
        one = replace(event, site_id=site, event_type=PAGE_VIEW if number % 4 else "track.action")
        trace = f'Traceback (most recent call last):\n  File "handlers.py", line {number}\n{error}'
        found.append(Failure(one, remaining, error, trace, 5, now, retry_at, handler, 1_500, "host:1"))
    return found


def _date_back(connection: Connection, age: int) -> None:
    """What was done a moment ago was done when the first events came."""
    table, by = METADATA.tables["owa_queue_item"], age * MICROSECONDS
    moments = [column for column in table.columns if column.name.endswith(("_timestamp", "_since", "_at"))]
    connection.execute(update(table).values({column: column - by for column in moments}))
    attempts = METADATA.tables["owa_attempt"]
    connection.execute(update(attempts).values(at=attempts.c.at - by))


def _note_runs(connection: Connection, now: int) -> None:
    """Of each job, one that did something, and since then those that found nothing to do; and a week of samples."""
    runs = [
        {
            "job": JOBS[number % len(JOBS)],
            "server": 0,
            "owner": "host:1",
            "caller": "scheduler" if number % 50 else "command",
            "started_at": now - (RUNS - number) * MICROSECONDS,
            "duration": 1_000,
            "result": "done",
            "figures": b"{}" if number >= len(JOBS) else b'{"processed":5}',
            "detail": "",
        }
        for number in range(RUNS)
    ]
    connection.execute(insert(JOB_RUN), runs)
    samples = [
        {"queue": queue, "server": server, "minute": minute, "depth": 5, "oldest_age": 60, "taken": 9, "done": 4}
        for queue, server in ((INCOMING, 0), (PROCESSING, SHARED))
        for minute in range((now - AGE * MICROSECONDS) // MINUTE, now // MINUTE + 1)
    ]
    connection.execute(insert(QUEUE_SAMPLE), samples)
