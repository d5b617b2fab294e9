"""Law 3: the tables depend on the set of events alone. Whatever the order, the batches and the repetitions, they
are what a naive fold over the set makes of it, in every column."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from owa.events import Event
from owa.processing.settings import ORPHAN_SESSIONS
from tests import oracle
from tests.families import PLACES, SWITCHES, located, site
from tests.page_views import Processing, open_processing
from tests.postgresql import PostgreSQL
from tests.property.generated_events import AGENTS, DOMAINS, an_event
from tests.schedules import assert_converged

ZONE = "America/Los_Angeles"
FILTERS = ("PHPSESSID", "token")
EXAMPLES = 100 * (20 if os.environ.get("OWA_SOAK") else 1)

GOALS: dict[str, dict[int, oracle.Goal]] = {
    "s1": {
        1: ("exact", "/cart", 500),
        2: ("begins", "/cart", 0),
        3: ("regex", "(?i)^/CART.*a=1$", 250),
        7: ("regex", "/thanks/[0-9]+$", 1),
        15: ("exact", "/", 10**15 - 1),
    }
}
"""Of one site; the other has none."""
SITES = {site_id: site(site_id, "http://shop.example", GOALS.get(site_id)) for site_id in ("s1", "s2")}
GIVEN = oracle.Given(
    zone=ZoneInfo(ZONE),
    filters=FILTERS,
    agent=lambda text: AGENTS.get(text, oracle.Agent()),
    registrable_domain=lambda host: DOMAINS.get(host, host),
    goals=GOALS,
    locate=PLACES.get,
)


@dataclass(frozen=True)
class Delivery:
    """One batch, and what happens around it."""

    indices: list[int]
    times: int
    retry: bool
    judge: bool
    """Whether sessions without a first page are dealt with, at once."""


Delivered = tuple[list[oracle.Event], list[Delivery]]


@st.composite
def deliveries(draw: st.DrawFn) -> Delivered:
    """Events, and the batches in which they come: in any order, some twice in a batch, or in several, or the whole
    batch twice."""
    count = draw(st.integers(1, 60))
    made = [an_event(draw, number) for number in range(count)]
    everyone = st.integers(0, count - 1)
    order = draw(st.permutations([*range(count), *draw(st.lists(everyone, max_size=20))]))
    plan = []
    while order:
        size = draw(st.integers(1, len(order)))
        plan.append(
            Delivery(order[:size], draw(st.sampled_from([1, 1, 1, 2])), draw(st.booleans()), draw(st.booleans()))
        )
        order = order[size:]
    return made, plan


@pytest.fixture(scope="module", params=["adopt", "fail"])
def orphans(request: pytest.FixtureRequest) -> str:
    """What becomes of sessions without a first page."""
    return str(request.param)


@pytest.fixture(scope="module")
def on_sqlite(orphans: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processing]:
    yield from _processing(tmp_path_factory.mktemp("convergence"), orphans)


@pytest.fixture(scope="module")
def on_postgresql(
    orphans: str, tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL
) -> Iterator[Processing]:
    yield from _processing(tmp_path_factory.mktemp("convergence"), orphans, postgresql.new_database())


def _processing(folder: Path, orphans: str, url: str = "") -> Iterator[Processing]:
    opened = open_processing(
        folder,
        url=url,
        sites=SITES,
        switches=SWITCHES,
        tell=located,
        OWA_TIMEZONE=ZONE,
        OWA_ORPHAN_SESSIONS=orphans,
        OWA_ORPHAN_SESSION_AGE="0",
        OWA_QUERY_STRING_FILTERS=",".join(FILTERS),
    )
    yield opened
    opened.database.close()


@pytest.mark.timeout(3_600)
@hypothesis_settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_tables_are_the_fold_of_the_set(on_sqlite: Processing, delivered: Delivered) -> None:
    _check(on_sqlite, delivered)


@pytest.mark.timeout(3_600)
@hypothesis_settings(max_examples=EXAMPLES // 4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deliveries())
def test_tables_are_the_fold_of_the_set_on_postgresql(on_postgresql: Processing, delivered: Delivered) -> None:
    _check(on_postgresql, delivered)


def _check(processing: Processing, delivered: Delivered) -> None:
    made, plan = delivered
    adopt = processing.settings[ORPHAN_SESSIONS] == "adopt"
    expected = oracle.tables(made, replace(GIVEN, adopt=adopt))
    event(f"{len(expected.rows['owa_session'])} sessions, {'some' if expected.waiting else 'none'} given up")
    sent = [Event(server=1, **fields) for fields in made]
    processing.empty()
    for delivery in plan:
        for _ in range(delivery.times):
            processing.settle(*(sent[index] for index in delivery.indices))
        if delivery.retry:
            processing.processor.retry()
        if delivery.judge:
            processing.processor.judge_orphans()
    processing.finish()
    processing.processor.judge_orphans()
    processing.finish()
    received = [sent[index] for delivery in plan for index in delivery.indices for _ in range(delivery.times)]
    assert_converged(processing.database, processing.retries, received, expected)
