"""Memory of the cron line that drains a backlog, against that of one which drains a tenth of it."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bench.cron import LINE, begun, ended
from bench.drain import later
from bench.installation import SITE_ID, installed
from bench.measuring import Figure, Result, Size, check, in_turn
from owa.app import Installation
from owa.db.bulk import chunks
from owa.testing.traffic import Plan, generate

EVENTS = 200_000
TIMES = 10
"""How much longer that backlog is than the other."""
ROUNDS = 1
"""Memory does not mind what else the machine does."""

_PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""
"""Stands between us and the line: the system counts what a process was forked from as its own, and we are large."""


def measure_drain_memory(folder: Path, size: Size) -> Result:
    """MB at most. Raises `NotDone` when an event is missing."""
    few = size.of(EVENTS // TIMES, 200)
    pairs = in_turn(
        size.times(ROUNDS),
        lambda number: _peak(folder / f"long{number}", few, TIMES),
        lambda number: _peak(folder / f"short{number}", few, 1),
    )
    names = f"{few * TIMES:,} events", f"{few:,} events"
    return Result((Figure("processEventQueue, memory at most", *names, "MB", pairs, "near 1"),))


def _peak(folder: Path, count: int, times: int) -> float:
    """Of a line that drains so many times `count` events."""
    with installed(folder) as installation:
        for number in range(times):
            _put(installation, count, number)
    return drained(folder, count * times)


def drained(folder: Path, wanted: int) -> float:
    """MB that it took at most to store all that is queued. Raises `NotDone` unless `wanted` events are there then."""
    peak = ended(begun((sys.executable, "-c", _PEAK, *LINE), folder)).split()[-1]
    with closing(sqlite3.connect(folder / "owa.db")) as connection:
        check(connection.execute("SELECT count(*) FROM owa_request").fetchone()[0], wanted, "events stored")
    return int(peak) * 1024 / 1e6


def _put(installation: Installation, count: int, number: int) -> None:
    """Events of other visitors than those of the other numbers. So many at a time, that we do not hold them all."""
    events = generate(Plan(count, (SITE_ID,), seed=number + 1, nasty=0))
    for part in chunks([later(event, number * count * 3) for event in events]):
        installation.incoming.put(part)
