"""A drain of the command line that is killed between any two steps: the next one ends as if nothing had been."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.faults.aftermath import launch, recover, state
from tests.faults.killed import CALLS, POINTS
from tests.faults.prepared import DRAIN, POISONED, STORED, Untouched, copy_of
from tests.servers import Installation

INSTANTS = 300 if os.environ.get("OWA_SOAK") else 10

TIMES = {
    "rotate:before-rename": (1,),
    "rotate:after-rename": (1,),
    "retire:after-unlink": (1,),
    "retire:after": (1,),
    "settle:after-adopt": (1,),
    "lease:confirmed": (1,),
    "record:begun": (1, 2),
    "record:before-end": (1, 2),
    "commit:before": (1, 2, 4),
    "commit:after": (1, 2, 4),
}
"""The how many times a drain comes to a point it is killed there; else the second time, when some is done already."""

OTHERS = ("append:", "hand-over:", "act:")
"""Points that no drain of one queue comes to."""

CASES = [(point, number) for point in POINTS if not point.startswith(OTHERS) for number in TIMES.get(point, (2,))]


def test_what_is_prepared_goes_every_way(
    prepared: Installation, untouched: Untouched, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Else the kills would prove less than they seem to."""
    installation = copy_of(prepared, tmp_path_factory.mktemp("calm"))
    recover(installation)
    assert state(installation.database) == untouched.state
    assert [row["id"] for row in installation.rows("owa_request")] == sorted(STORED)
    (sums,) = installation.query("SELECT sum(num_pageviews) AS views FROM owa_session")
    assert sums["views"] == len(STORED)
    (kept,) = installation.query("SELECT id, status, remaining FROM owa_queue_item WHERE status != 'handled'")
    assert kept == {"id": POISONED.guid, "status": "unhandled", "remaining": "everything"}
    counts = installation.counts()
    assert counts["processed", ""] == len(STORED)
    assert counts["refused", "robot"] == counts["duplicate", ""] - 1 == 2


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_drain_that_is_killed(
    prepared: Installation, untouched: Untouched, tmp_path: Path, case: tuple[str, int]
) -> None:
    point, number = case
    installation = copy_of(prepared, tmp_path)
    killed = launch(installation, point, str(number), *DRAIN)
    assert killed.status == -signal.SIGKILL, f"it never came there: {killed.err}"
    recover(installation)
    assert state(installation.database) == untouched.state


@pytest.mark.parametrize("seed", range(INSTANTS))
def test_drain_that_is_killed_at_a_random_instant(
    prepared: Installation, untouched: Untouched, tmp_path: Path, seed: int
) -> None:
    """At a call of any function, one in each of as many equal parts of its life."""
    installation = copy_of(prepared, tmp_path)
    call = int((seed + random.Random(seed).random()) / INSTANTS * untouched.calls) + 1
    killed = launch(installation, CALLS, str(call), *DRAIN)
    assert killed.status == -signal.SIGKILL, f"call {call} of {untouched.calls}: {killed.err}"
    recover(installation)
    assert state(installation.database) == untouched.state


def test_drains_that_are_killed_one_after_the_other(
    prepared: Installation, untouched: Untouched, tmp_path: Path
) -> None:
    """Each gets a little further than the one before, or not."""
    installation = copy_of(prepared, tmp_path)
    for calls in (untouched.calls // 2, 500, 1_000):
        assert launch(installation, CALLS, str(calls), *DRAIN).status == -signal.SIGKILL
    recover(installation)
    assert state(installation.database) == untouched.state
