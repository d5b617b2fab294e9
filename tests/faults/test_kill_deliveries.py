"""Who delivers to event handlers is killed again and again: each row is there once, and no child process is left."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.handlers import TABLE, module
from tests.packages import install_package, on_the_path
from tests.servers import ROOT, Install, Installation, environment, page_view, wait_until

pytestmark = pytest.mark.slow

EVENTS = 60

NOTING = '''
import os, time
from pathlib import Path


def handle(event, context):
    """It notes who is given an event, and takes a while."""
    with (Path(__file__).parent / "given").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(0.02)
    return [store(event)]
'''


@pytest.fixture
def installation(install: Install, packages: Path) -> Installation:
    """With events that are to be delivered to a module."""
    install_package(packages, "shop", module("shop", NOTING))
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", **on_the_path(packages))
    with closing(sqlite3.connect(installation.database)) as connection:
        connection.execute(TABLE.format(name="shop"))
    assert installation.cli("cmd=activate", "module=shop").status == 0
    with installation.serve() as server:
        for _ in range(EVENTS):
            server.track(page_view())
    assert installation.cli("cmd=processEventQueue", "queues=incoming_tracking_events").status == 0
    return installation


def rows(installation: Installation) -> int:
    (row,) = installation.query("SELECT count(*) AS n, count(DISTINCT guid) AS different FROM shop_row")
    assert row["n"] == row["different"]
    return int(row["n"])


def is_gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def has_moved_on(installation: Installation, before: int, parent: subprocess.Popen[bytes]) -> bool:
    return rows(installation) > before or parent.poll() is not None


def test_each_row_is_there_once_however_often_the_parent_is_killed(installation: Installation, packages: Path) -> None:
    given = packages / "given"
    for kills in range(1, 4):
        parent = subprocess.Popen(
            [sys.executable, str(ROOT / "cli.py"), "cmd=processEventQueue", "queues=processing"],
            env=environment(**installation.environment()),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(partial(has_moved_on, installation, rows(installation), parent), "nothing is delivered")
        time.sleep(0.03 * kills)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_until(lambda: all(is_gone(int(pid)) for pid in given.read_text().split()), "a child is left")
    installation.drain()
    assert rows(installation) == EVENTS
    assert len(given.read_text().split()) >= EVENTS
    assert (
        installation.query("SELECT 1 FROM owa_queue_item WHERE status != 'handled' OR failed_attempt_count > 0") == []
    )
    assert all(is_gone(int(pid)) for pid in given.read_text().split())
