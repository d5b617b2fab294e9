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
from urllib.parse import urlencode
from urllib.request import urlopen

from bench.installation import SITE_ID, installed
from bench.tracking import environ_of, ignore
from owa.clock import SystemClock
from owa.db.configuration import store_switch
from owa.db.modules import Switch
from owa.testing.traffic import Plan, generate, request_parameters
from owa.views import make_wsgi_app

REQUESTS = 3_000
KEY = "a key of sixteen characters, or more"
PATIENCE = 60.0
"""Seconds that a receiver may take to start."""


def measure_remote(folder: Path) -> tuple[float, float]:
    """Seconds per request: (receiver dead, receiver alive). Raises `AssertionError` when an event is missing, or when
    the one that is alive was sent nothing."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        dead, _ = _measure(folder / "dead", deaf.getsockname()[1])
    with _receiver(folder / "receiver") as port:
        alive, sent = _measure(folder / "alive", port)
    assert sent, "nothing was forwarded meanwhile"
    return dead, alive


def _measure(folder: Path, port: int) -> tuple[float, int]:
    """The median request, and how many events were forwarded by the end."""
    given = {"OWA_QUEUE_EVENTS": "1", "OWA_DRAIN_INTERVAL": "1", "OWA_SERVER_NUMBER": "7", "OWA_REMOTE_QUEUE_KEY": KEY}
    endpoint = f"http://127.0.0.1:{port}/queue.php"
    with installed(folder, **given, OWA_REMOTE_QUEUE_ENDPOINT=endpoint) as installation:
        with installation.database.writing() as connection:
            store_switch(connection, "remote_queue", Switch.ON, "bench", SystemClock().now())
        installation.configuration.refresh()
        application = make_wsgi_app(installation)
        events = generate(Plan(REQUESTS, (SITE_ID,)))
        times = []
        for query in [urlencode(request_parameters(event)) for event in events]:
            environ = environ_of(query)
            started = time.perf_counter()
            application(environ, ignore)
            times.append(time.perf_counter() - started)
            time.sleep(0.001)  # the forwarder is at work meanwhile
        left = installation.incoming.status().depth
        application.registry["owa"].stop()
        assert left <= REQUESTS
        return median(times), REQUESTS - left


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
