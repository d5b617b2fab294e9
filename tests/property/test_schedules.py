"""Law 3 on several servers: whatever the order in which five of them take, drain, retry and have accidents, the tables
are what a naive fold makes of the set of their events.

`OWA_SCHEDULE_SEED=7` runs schedule 7 alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from owa.clock import MICROSECONDS, FixedClock
from owa.registry import load
from owa.testing.traffic import START
from tests.families import PLACES, SWITCHES
from tests.page_views import Processing, open_processing, settings
from tests.property.collecting_server import Shared
from tests.property.schedule import ORPHAN_AGE, Schedule
from tests.schedules import GOALS, ZONE, assert_converged, fold, traffic

COUNT = 200 * (20 if os.environ.get("OWA_SOAK") else 1)
ONLY = os.environ.get("OWA_SCHEDULE_SEED")
SEEDS = [int(ONLY)] if ONLY else range(COUNT)


@pytest.fixture(scope="module")
def processing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processing]:
    """One database for all schedules."""
    opened = open_processing(tmp_path_factory.mktemp("schedules"))
    yield opened
    opened.database.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_tables_are_the_fold_of_what_all_servers_took(processing: Processing, tmp_path: Path, seed: int) -> None:
    adopt = seed % 2 == 0
    values = settings(
        OWA_TIMEZONE=ZONE,
        OWA_ORPHAN_SESSIONS="adopt" if adopt else "fail",
        OWA_ORPHAN_SESSION_AGE=str(ORPHAN_AGE),
        OWA_ARCHIVE_OLD_EVENTS=str(seed % 3 // 2),
    )
    shared = Shared(
        processing.database, processing.retries, load(SWITCHES), values, FixedClock((START - 3_600) * MICROSECONDS)
    )
    deliveries = traffic(seed, families=True)
    received = [delivery.event for delivery in deliveries]
    expected = fold(received, adopt=adopt, goals=GOALS, places=PLACES)
    processing.empty()
    try:
        Schedule(seed, deliveries, shared, tmp_path).run()
        assert_converged(processing.database, processing.retries, received, expected)
    except BaseException as error:
        error.add_note(f"OWA_SCHEDULE_SEED={seed} runs this schedule alone.")
        raise
