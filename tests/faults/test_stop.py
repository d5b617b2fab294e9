"""Processes that are stopped in the middle, and go on when others have passed by."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest

from owa.app import open_installation
from owa.clock import MICROSECONDS, FixedClock, SystemClock
from owa.processing.drain import drain_retries
from owa.processing.processor import LEASE
from tests.faults.aftermath import LAUNCHER, recover, state
from tests.faults.prepared import DRAIN, Untouched, copy_of
from tests.servers import PATIENCE, ROOT, Installation, environment, page_view


@contextmanager
def stopped(installation: Installation, point: str, number: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """A drain that is stopped at a point; at the end of the block it goes on, and must end well."""
    process = subprocess.Popen(
        [*LAUNCHER, point, str(number), "STOP", *DRAIN], cwd=ROOT, env=environment(**installation.environment())
    )
    try:
        now = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert now is not None
        assert now.si_code == os.CLD_STOPPED, f"it never came to {point}"
        yield process
        process.send_signal(signal.SIGCONT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("point", ["read:after", "write:after-fates"])
def test_drain_that_is_stopped(prepared: Installation, untouched: Untouched, tmp_path: Path, point: str) -> None:
    """It keeps the queue while it is stopped, and ends as if nothing had been."""
    installation = copy_of(prepared, tmp_path)
    with stopped(installation, point):
        held = installation.cli("cmd=processEventQueue", "queues=incoming_tracking_events", "wait=1")
        assert (held.status, held.out) == (75, "")
        assert "Another drain holds the queue" in held.err
    recover(installation)
    assert state(installation.database) == untouched.state


def test_drain_that_is_stopped_past_its_lease(prepared: Installation, untouched: Untouched, tmp_path: Path) -> None:
    """Another one has meanwhile done what it had leased: it rolls back, and goes on with what is left."""
    installation = copy_of(prepared, tmp_path)
    with stopped(installation, "lease:committed"):
        later = FixedClock(SystemClock().now() + (LEASE + 1) * MICROSECONDS)
        with closing(open_installation(installation.environment(), {}, later)) as other:
            assert drain_retries(other.processor).report.processed > 0
    recover(installation)
    found, expected = state(installation.database), dict(untouched.state)
    del found["owa_queue_item"], expected["owa_queue_item"]  # what is poisoned was tried once more, so much later
    assert found == expected


def test_writer_that_dies_behind_a_rotation(queueing: Installation) -> None:
    """Its last record is behind the rotation, and its number is not kept: what the drain has seen is not all there is
    of the writer."""
    words = ["-m", "tests.faults.killed", "append:after-write", "3", "--", "pserve", "development.ini"]
    server = queueing.start(words)
    for _ in range(2):
        assert server.track(page_view()).status == 204
    with stopped(queueing, "rotate:after-rename"):
        with pytest.raises((OSError, HTTPException)):
            server.track(page_view())
        assert server.process.wait(PATIENCE) == -signal.SIGKILL
    recover(queueing)
    assert len(queueing.rows("owa_request")) == 3
