"""Memory of a process that takes tracking requests: after a tenth of them, and after all."""

import os
from itertools import islice
from pathlib import Path

from bench.measuring import Figure, Result, Size, check
from bench.request import cpu, serving
from bench.requests import Environ, environ, queries

REQUESTS = 1_000_000
PART = 1_000


def measure_memory(folder: Path, size: Size) -> Result:
    """MB. Each request has an address, a user agent and a host of its own: nothing may be remembered for ever."""
    count = size.of(REQUESTS, 2 * PART) // PART * PART
    sent = queries(PART)
    with serving(folder) as (installation, application):
        sizes = []
        for start in range(0, count, PART):
            cpu(application, [_request(query, start + number) for number, query in enumerate(sent)], "pixel")
            sizes.append(_resident())
        check(installation.incoming.status().depth, count, "events queued")
    early = sizes[max(0, len(sizes) // 10 - 1)]
    name = f"{count:,} requests"
    return Result((Figure(name, "at the end", "after a tenth", "MB", ((sizes[-1], early),), "near 1"),))


def _request(query: str, number: int) -> Environ:
    address = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{number}.0.0.0 Safari/537.36"
    request = environ("pixel", query, address, agent)
    request["HTTP_HOST"] = f"host{number}.example.org"
    request["HTTP_ACCEPT_LANGUAGE"] = f"x{number},en;q=0.9"
    return request


def _resident() -> float:
    with Path("/proc/self/statm").open() as file:
        pages = next(islice(file.read().split(), 1, None))
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6
