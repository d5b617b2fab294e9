"""A retry or discard of all failed events that is killed: what it says is done, is done, and nothing is done twice."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from owa.app import open_installation
from owa.clock import SystemClock
from owa.processing.act_on_all import ActOnAll
from owa.processing.acts import Act
from owa.queues.contract import FailedFilter
from tests.failures import broken, event, fail
from tests.faults.aftermath import command, launch, recover
from tests.faults.prepared import copy_of
from tests.servers import Install, Installation

EVENTS = 1_300
"""Three chunks."""


@pytest.fixture(scope="module")
def failing(install: Install) -> Installation:
    """To be copied."""
    installation = install()
    fail(installation, *(event(number, "x.a") for number in range(EVENTS)))
    return installation


def row(installation: Installation) -> dict[str, object]:
    with closing(sqlite3.connect(installation.database)) as connection:
        connection.row_factory = sqlite3.Row
        return dict(connection.execute("SELECT * FROM owa_failed_act ORDER BY id DESC").fetchone())


def go_on(installation: Installation, act: Act) -> int:
    """As the admin does who begins it anew."""

    def note(_connection: Connection, _done: int) -> None:
        return None

    opened = open_installation(installation.environment(), {}, SystemClock())
    acts = ActOnAll(opened.database, opened.retries, opened.clock)
    number, _total, wanted = acts.begin(act, FailedFilter(), "boss", note)
    done = acts.run(number, act, wanted, note)
    opened.close()
    return done


@pytest.mark.parametrize("number", ["1", "2", "3"])
@pytest.mark.parametrize("point", ["act:before-count", "act:after-count"])
@pytest.mark.parametrize("act", [Act.RETRY, Act.DISCARD])
def test_it_is_killed_between_two_steps(
    failing: Installation, tmp_path: Path, act: Act, point: str, number: str
) -> None:
    installation = copy_of(failing, tmp_path)
    killed = launch(installation, point, number, "--", "act-on-all", act.value)
    assert killed.status == -signal.SIGKILL, killed.err
    stopped = row(installation)
    left = broken(installation)
    assert (stopped["result"], stopped["total"]) == ("running", EVENTS)
    assert stopped["done"] == EVENTS - left == 500 * (int(number) - 1)
    if act is Act.DISCARD:
        assert installation.counts().get(("discarded", "everything"), 0) == EVENTS - left
    assert go_on(installation, act) == left
    assert broken(installation) == 0
    if act is Act.DISCARD:
        assert installation.counts()["discarded", "everything"] == EVENTS
        recover(installation)
    else:
        (due,) = installation.query("SELECT count(*) AS n FROM owa_queue_item WHERE status = 'unhandled'")
        assert due["n"] == EVENTS
        assert command(installation, "cmd=verify-ledger", "format=json").json["drift"] == 0
