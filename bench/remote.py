"""The tracking request of a server that forwards: with a receiver that takes connections and says nothing, against one
that is well. Wall time, the median of all requests, since a visitor waits by the clock."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.request import urlopen

from bench.installation import installed
from bench.measuring import Figure, NotDone, Result, Size, check, in_turn
from bench.requests import environs
from owa.clock import SystemClock
from owa.db.configuration import store_switch
from owa.db.modules import Switch
from owa.views import make_wsgi_app

REQUESTS = 3_000
ROUNDS = 3
KEY = "a key of sixteen characters, or more"
PATIENCE = 60.0
"""Seconds that a receiver may take to start."""


def measure_remote(folder: Path, size: Size) -> Result:
    """Raises `NotDone` when an event is missing, or when the receiver that is alive was sent nothing."""
    count = size.of(REQUESTS, 1_500)
    figure = Figure(
        "request of a server that forwards, by the clock",
        "receiver dead",
        "receiver alive",
        "µs",
        in_turn(
            size.times(ROUNDS),
            lambda number: _dead(folder / f"dead{number}", count),
            lambda number: _alive(folder / f"alive{number}", count),
        ),
        "near 1",
    )
    return Result((figure,))


def _dead(folder: Path, count: int) -> float:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        median_request, left = _measure(folder, deaf.getsockname()[1], count)
    check(left, count, "events that wait for the receiver")
    return median_request


def _alive(folder: Path, count: int) -> float:
    with _receiver(folder / "receiver") as port:
        median_request, left = _measure(folder / "sender", port, count)
    if left == count:
        raise NotDone("Nothing was forwarded meanwhile.")
    with installed(folder / "receiver") as receiver:
        received = receiver.incoming.status().depth
    if received + left < count:  # an answer may be missing: then both have them
        raise NotDone(f"events received or left: {received} and {left}, not {count}.")
    return median_request


def _measure(folder: Path, port: int, count: int) -> tuple[float, int]:
    """The median request, and how many events were not forwarded by the end."""
    given = {"OWA_QUEUE_EVENTS": "1", "OWA_DRAIN_INTERVAL": "1", "OWA_SERVER_NUMBER": "7", "OWA_REMOTE_QUEUE_KEY": KEY}
    endpoint = f"http://127.0.0.1:{port}/queue.php"
    with installed(folder, **given, OWA_REMOTE_QUEUE_ENDPOINT=endpoint) as installation:
        with installation.database.writing() as connection:
            store_switch(connection, "remote_queue", Switch.ON, "bench", SystemClock().now())
        installation.configuration.refresh()
        application = make_wsgi_app(installation)
        times: list[float] = []
        statuses: list[str] = []
        for environ in environs("pixel", count):
            started = time.perf_counter()
            b"".join(application(environ, lambda status, _headers: statuses.append(status)))
            times.append((time.perf_counter() - started) * 1e6)
            time.sleep(0.001)  # the forwarder is at work meanwhile
        check(set(statuses), {"200 OK"}, "answers")
        application.registry["owa"].stop()
        return median(times), _left(folder, endpoint, given)


def _left(folder: Path, endpoint: str, given: dict[str, str]) -> int:
    with installed(folder, **given, OWA_REMOTE_QUEUE_ENDPOINT=endpoint) as installation:
        return installation.incoming.status().depth


@contextmanager
def _receiver(folder: Path) -> Iterator[int]:
    """A server that takes batches; its port."""
    with installed(folder, OWA_SERVER_NUMBER="1"):
        pass
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {"OWA_DATA_DIR": str(folder), "OWA_SERVER_NUMBER": "1", "OWA_REMOTE_QUEUE_KEY": KEY, "OWA_SCHEDULER": "0"}
    words = [sys.executable, "-m", "pyramid.scripts.pserve", "development.ini"]
    server = subprocess.Popen(words, env={**os.environ, **given, "PORT": str(port)})
    try:
        _wait(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            urlopen(f"http://127.0.0.1:{port}/blank.php").close()
        except (URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the receiver does not start")
