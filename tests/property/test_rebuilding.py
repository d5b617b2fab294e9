"""Law 3, from the other side: whenever sessions are computed anew, between any two steps of five servers, there is
nothing to mend, since the tables are at any moment what the counted events make of them.

`OWA_SCHEDULE_SEED=7` runs schedule 7 alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from owa.analytics.rebuilding import Rebuilt, rebuild_sessions
from owa.clock import MICROSECONDS, FixedClock
from owa.contributions import ProcessingContext
from owa.registry import load
from owa.testing.traffic import START
from tests.families import SWITCHES
from tests.page_views import Processing, open_processing, settings
from tests.property.collecting_server import CollectingServer, Shared
from tests.property.schedule import ORPHAN_AGE, Act, Schedule
from tests.schedules import SITES, ZONE, traffic

COUNT = 30 * (20 if os.environ.get("OWA_SOAK") else 1)
ONLY = os.environ.get("OWA_SCHEDULE_SEED")
SEEDS = [int(ONLY)] if ONLY else range(COUNT)


@pytest.fixture(scope="module")
def processing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processing]:
    """One database for all schedules."""
    opened = open_processing(tmp_path_factory.mktemp("rebuilding"))
    yield opened
    opened.database.close()


class ScheduleWithRebuilds(Schedule):
    """Now and then, and in the end, somebody computes all sessions anew."""

    shared: Shared
    rebuilds = 0

    def rebuild(self, _server: CollectingServer | None = None) -> None:
        shared = self.shared
        context = ProcessingContext(shared.settings, SITES, shared.clock.now())
        rebuilt = rebuild_sessions(shared.database, shared.retries, lambda: context)
        assert rebuilt == Rebuilt(rebuilt.sessions)
        self.rebuilds += 1

    def _acts(self) -> dict[Act, float]:
        return {**super()._acts(), self.rebuild: 2}


@pytest.mark.parametrize("seed", SEEDS)
def test_there_is_never_anything_to_mend(processing: Processing, tmp_path: Path, seed: int) -> None:
    values = settings(
        OWA_TIMEZONE=ZONE,
        OWA_ORPHAN_SESSIONS=("adopt", "fail")[seed % 2],
        OWA_ORPHAN_SESSION_AGE=str(ORPHAN_AGE),
    )
    clock = FixedClock((START - 3_600) * MICROSECONDS)
    shared = Shared(processing.database, processing.retries, load(SWITCHES), values, clock)
    processing.empty()
    try:
        schedule = ScheduleWithRebuilds(seed, traffic(seed, families=True), shared, tmp_path)
        schedule.shared = shared
        schedule.run()
        schedule.rebuild()
    except BaseException as error:
        error.add_note(f"OWA_SCHEDULE_SEED={seed} runs this schedule alone.")
        raise
