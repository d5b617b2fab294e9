"""Memory of the cron line that drains a backlog, against that of one which drains a tenth of it."""

import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from bench.cron import LINE, begun, ended
from bench.drain import later
from bench.installation import SITE_ID, installed
from bench.measuring import Figure, Result, Size, check, in_turn
from owa.app import Installation
from owa.db.bulk import chunks
from owa.events import Event
from owa.testing.traffic import Plan, generate

EVENTS = 200_000
LONG_EVENTS = 20_000
TIMES = 10
"""How much longer that backlog is than the other."""
ROUNDS = 1
"""Memory does not mind what else the machine does."""

Change = Callable[[Sequence[Event]], list[Event]]

_PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""
"""Stands between us and the line: the system counts what a process was forked from as its own, and we are large."""


def measure_drain_memory(folder: Path, size: Size) -> Result:
    """MB at most, also when no two pages have the same address, and all are long. Raises `NotDone` when an event is
    missing."""
    name = "processEventQueue, memory at most"
    usual = _figure(name, folder / "usual", size.of(EVENTS // TIMES, 200), size, list)
    long = _figure(f"{name}, long addresses", folder / "long", size.of(LONG_EVENTS // TIMES, 20), size, _spun_out)
    return Result((usual, long))


def _figure(name: str, folder: Path, few: int, size: Size, change: Change) -> Figure:
    pairs = in_turn(
        size.times(ROUNDS),
        lambda number: _peak(folder / f"long{number}", few, TIMES, change),
        lambda number: _peak(folder / f"short{number}", few, 1, change),
    )
    return Figure(name, f"{few * TIMES:,} events", f"{few:,} events", "MB", pairs, "near 1")


def _peak(folder: Path, count: int, times: int, change: Change) -> float:
    """Of a line that drains so many times `count` events."""
    with installed(folder) as installation:
        for number in range(times):
            _put(installation, count, number, change)
    return drained(folder, count * times)


def drained(folder: Path, wanted: int) -> float:
    """MB that it took at most to store all that is queued. Raises `NotDone` unless `wanted` events are there then."""
    peak = ended(begun((sys.executable, "-c", _PEAK, *LINE), folder)).split()[-1]
    with closing(sqlite3.connect(folder / "owa.db")) as connection:
        check(connection.execute("SELECT count(*) FROM owa_request").fetchone()[0], wanted, "events stored")
    return int(peak) * 1024 / 1e6


def _put(installation: Installation, count: int, number: int, change: Change) -> None:
    """Events of other visitors than those of the other numbers. So many at a time, that we do not hold them all."""
    events = generate(Plan(count, (SITE_ID,), seed=number + 1, nasty=0))
    for part in chunks([later(event, number * count * 3) for event in events]):
        installation.incoming.put(change(part))


def _spun_out(events: Sequence[Event]) -> list[Event]:
    """Each on a page of its own."""
    return [
        replace(event, properties={**event.properties, "page_url": f"https://example.org/{event.guid}?{'x' * 4_000}"})
        for event in events
    ]
