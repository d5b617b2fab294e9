"""A drain that is killed while it moves events to another queue: nothing is lost, and nothing counts twice."""

import signal
from pathlib import Path

import pytest

from tests.faults.aftermath import command, launch, recover, state
from tests.faults.killed import POINTS
from tests.faults.prepared import DRAIN, Untouched, copy_of
from tests.packages import OTHER_QUEUE, install_package, on_the_path
from tests.servers import Installation

EFFECTS = ("owa_request", "owa_session", "owa_visitor", "owa_document", "owa_queue_item")


@pytest.fixture
def leaving(prepared: Installation, tmp_path: Path, packages: Path) -> Installation:
    """What the file queue holds is to go to another one."""
    install_package(packages, "other_queue", OTHER_QUEUE)
    installation = copy_of(prepared, tmp_path)
    installation.variables = installation.variables | on_the_path(packages)
    for words in (("cmd=activate", "module=other_queue"), ("cmd=deactivate", "module=file_queue", "events=hand-over")):
        assert command(installation, *words).status == 0
    return installation


@pytest.mark.parametrize("point", ["", *(point for point in POINTS if point.startswith("hand-over:"))])
def test_a_hand_over_that_is_killed(leaving: Installation, untouched: Untouched, point: str) -> None:
    if point:
        killed = launch(leaving, point, "2", *DRAIN)
        assert killed.status == -signal.SIGKILL, f"it never came there: {killed.err}"
    recover(leaving)
    found = state(leaving.database)
    assert {name: found[name] for name in EFFECTS} == {name: untouched.state[name] for name in EFFECTS}
    counts = {outcome: count for outcome, count in leaving.counts().items() if outcome != ("duplicate", "")}
    assert counts == {("processed", ""): len(found["owa_request"]), ("refused", "robot"): 2}
