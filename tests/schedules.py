"""What schedules of several collecting servers share: their traffic, and what the tables must be in the end."""

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import ua_parser
from publicsuffixlist import PublicSuffixList

from owa.db.configuration import site_id_of
from owa.db.counts import Outcome
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.events import Event
from owa.queues.contract import RetryQueue, State
from owa.testing.traffic import Delivery, Plan, deliver
from tests import oracle
from tests.families import site
from tests.page_views import counts, rows

SERVERS = range(5)
LATE, REPEATING = 0, 1
"""The server that hands over an hour late, and the one that sends everything twice."""

ZONE = "America/Los_Angeles"
DOMAINS = ("http://shop.example", "http://blog.example")
SHOP, BLOG = (site_id_of(domain) for domain in DOMAINS)
GOALS: dict[str, dict[int, oracle.Goal]] = {
    SHOP: {
        1: ("begins", "/export/", 500),
        2: ("exact", "/queue/5?page=2", 0),
        3: ("regex", "[02468]\\?page=1$", 250),
        15: ("regex", "^/r", 1),
    }
}
"""Of one site; the other has none."""
SITES = {
    site_id: site(site_id, domain, GOALS.get(site_id)) for site_id, domain in zip((SHOP, BLOG), DOMAINS, strict=True)
}
UNKNOWN_SITE = "c" * 32
"""Registered nowhere: somebody may have deleted it since."""

NO_GOALS: Mapping[str, Mapping[int, oracle.Goal]] = {}
NO_PLACES: Mapping[str, oracle.Place] = {}

_SUFFIXES = PublicSuffixList()


@cache
def agent(text: str) -> oracle.Agent:
    """What the library says."""
    found = ua_parser.parse(text)
    browser = found.user_agent
    return oracle.Agent(
        browser=browser.family if browser else "",
        version=".".join(filter(None, (browser.major, browser.minor, browser.patch))) if browser else "",
        system=found.os.family if found.os else "",
        is_robot=found.device is not None and found.device.family == "Spider",
    )


@cache
def registrable_domain(host: str) -> str:
    """What the public suffix list says."""
    return _SUFFIXES.privatesuffix(host) or host


def fold(
    events: Iterable[Event],
    *,
    adopt: bool,
    goals: Mapping[str, Mapping[int, oracle.Goal]] = NO_GOALS,
    places: Mapping[str, oracle.Place] = NO_PLACES,
) -> oracle.Tables:
    """What the oracle makes of a schedule's events. `goals`: of the sites; `places`: of addresses."""
    names = ("guid", "event_type", "received_at", "site_id", "visitor_id", "session_id", "properties")
    told = ({name: getattr(event, name) for name in names} for event in events)
    return oracle.tables(told, oracle.Given(ZoneInfo(ZONE), (), agent, registrable_domain, adopt, goals, places.get))


def traffic(seed: int, events: int | None = None, *, families: bool = False) -> list[Delivery]:
    """Events as they arrive from the five servers, whose clocks are minutes off. `events`: how many, not counting
    repetitions; by default the seed decides. At most 300 with them. `families`: all of them, not page views alone."""
    chance = random.Random(seed)
    plan = Plan(
        events=events or chance.choice((5, 10, 20, 20, 40, 40, 80, 180)),
        sites=(*SITES, UNKNOWN_SITE),
        seed=seed,
        servers=len(SERVERS),
        duplicates=chance.choice((0.0, 0.1, 0.5)),
        nasty=0.5,
        skew=chance.choice((1.0, 60.0, 600.0)),
        families=families,
    )
    return deliver(plan, late_server=LATE, repeating_server=REPEATING)


def assert_converged(
    database: Database,
    retries: RetryQueue,
    received: Sequence[Event],
    expected: oracle.Tables,
    unfinished: State = State.FAILED,
) -> None:
    """All tables, the counts and the unfinished events are as expected of the events received; those whose session
    nothing opens are `unfinished`."""
    for name, table in expected.rows.items():
        assert differences(rows(database, METADATA.tables[name]), table) == [], name
    with database.reading() as connection:
        kept = sorted((kept.event.guid, kept.state) for kept in retries.latest(connection, len(received)))
    assert kept == [(guid, unfinished) for guid in expected.waiting]
    distinct = len({event.guid for event in received})
    assert counts(database, Outcome.PROCESSED).total() == distinct - len(expected.waiting)
    assert counts(database, Outcome.DUPLICATE).total() == len(received) - distinct
    assert counts(database, Outcome.COERCED) == expected.coerced


def differences(found: Iterable[oracle.Row], expected: Iterable[oracle.Row]) -> list[tuple[Any, ...]]:
    """(id, site, column, found, expected): what a reader wants to see of two tables of a hundred columns."""
    ours, theirs = ({(row["id"], row.get("site_id", "")): row for row in table} for table in (found, expected))
    missing = [(*key, "row", key in ours, key in theirs) for key in sorted(ours.keys() ^ theirs.keys())]
    cells = [
        (*key, column, ours[key].get(column), theirs[key].get(column))
        for key in sorted(ours.keys() & theirs.keys())
        for column in ours[key].keys() | theirs[key].keys()
        if ours[key].get(column, ...) != theirs[key].get(column, ...)
    ]
    return missing + sorted(cells, key=str)
