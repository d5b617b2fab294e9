"""A drain that was stopped by a signal, and holds what others need: they say which process it is, and what to do."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers import Installation, page_view

pytestmark = pytest.mark.slow

HOLD_THE_DATABASE = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(600)
"""
HOLD_THE_QUEUE = """
import sys, time
from pathlib import Path
from owa.files import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def stopped(program: str, argument: object) -> Iterator[int]:
    """A process that holds something, and is stopped."""
    with subprocess.Popen([sys.executable, "-c", program, str(argument)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield process.pid
        finally:
            process.kill()


def test_who_holds_the_write_lock_is_named_once(queueing: Installation) -> None:
    event = page_view()
    with queueing.serve() as server:
        server.track(event)
    with stopped(HOLD_THE_DATABASE, queueing.database) as pid:
        done = queueing.cli("cmd=processEventQueue")
    assert (done.status, done.out) == (1, "")
    assert f"Process {pid} (" in done.err
    assert f"kill -CONT {pid}; or end it: kill -9 {pid} (nothing is lost)." in done.err
    queueing.drain()
    assert queueing.request_of(event)


def test_who_holds_the_queue_is_named(queueing: Installation) -> None:
    queueing.drain()
    with stopped(HOLD_THE_QUEUE, queueing.data_dir / "logs" / "drain.lock") as pid:
        done = queueing.cli("cmd=processEventQueue", "queues=incoming_tracking_events", "wait=600")
    assert (done.status, done.out) == (75, "")
    assert f"kill -CONT {pid}" in done.err
