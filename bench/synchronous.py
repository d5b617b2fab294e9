"""A synchronous request against an asynchronous one and the drain of a batch of one: the same work, at another time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.installation import page_views
from bench.measuring import Figure, Result, Size, check, in_turn
from bench.request import cpu, serving
from bench.requests import Environ, environs
from owa.app import Installation
from owa.processing.drain import drain_events

REQUESTS = 300
ROUNDS = 5


def measure_synchronous(folder: Path, size: Size) -> Result:
    """CPU time of an event. Raises `NotDone` when one has no row."""
    count = size.of(REQUESTS, 10)
    with _both(folder) as (now, later):
        for installation, application in (now, later):
            _warm(installation, application)
        pairs = in_turn(
            size.times(ROUNDS),
            lambda number: _at_once(*now, list(environs("pixel", count, number + 2))),
            lambda number: _later(*later, list(environs("pixel", count, number + 2))),
        )
    return Result((Figure("a request", "synchronous", "asynchronous + drain", "µs", pairs, "at most 1.3"),))


Served = tuple[Installation, Any]


@contextmanager
def _both(folder: Path) -> Iterator[tuple[Served, Served]]:
    with serving(folder / "now", OWA_QUEUE_EVENTS="0") as now, serving(folder / "later") as later:
        yield now, later


def _warm(installation: Installation, application: Any) -> None:
    cpu(application, list(environs("pixel", 20, 1)), "pixel")
    drain_events(installation.incoming, installation.processor)


def _at_once(installation: Installation, application: Any, requests: list[Environ]) -> float:
    before = page_views(installation)
    taken = cpu(application, requests, "pixel")
    check(page_views(installation) - before, len(requests), "rows")
    return taken


def _later(installation: Installation, application: Any, requests: list[Environ]) -> float:
    before = page_views(installation)
    taken = 0.0
    for environ in requests:
        taken += cpu(application, [environ], "pixel")
        started = time.process_time()
        drain_events(installation.incoming, installation.processor, judge_orphans=False)
        taken += (time.process_time() - started) * 1e6
    check(page_views(installation) - before, len(requests), "rows")
    return taken / len(requests)
