"""The tracking request in process, without a server: all checks and one append, against an append alone."""

import io
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.installation import SITE_ID, installed
from owa.testing.traffic import Plan, generate, request_parameters
from owa.views import make_wsgi_app

REQUESTS = 5_000


def measure_tracking(folder: Path) -> tuple[float, float]:
    """CPU seconds per request: (OWA, bare). Raises `AssertionError` when an event is missing."""
    with installed(folder, OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0") as installation:
        application = make_wsgi_app(installation)
        queries = [urlencode(request_parameters(event)) for event in generate(Plan(REQUESTS, (SITE_ID,)))]
        environs = [environ_of(query) for query in queries]
        started = time.process_time()
        for environ in environs:
            application(environ, ignore)
        ours = time.process_time() - started
        assert installation.incoming.status().depth == REQUESTS
        application.registry["owa"].guids.close()
        return ours / REQUESTS, _bare(folder / "bare", queries) / REQUESTS


def _bare(path: Path, queries: list[str]) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    started = time.process_time()
    for query in queries:
        os.write(descriptor, query.encode() + b"\n")
    elapsed = time.process_time() - started
    os.close(descriptor)
    return elapsed


def environ_of(query: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/log.php",
        "SCRIPT_NAME": "",
        "QUERY_STRING": query,
        "REMOTE_ADDR": "198.51.100.7",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
        "HTTP_HOST": "stats.example.org",
        "wsgi.input": io.BytesIO(),
    }


def ignore(_status: str, _headers: object) -> None:
    return None
