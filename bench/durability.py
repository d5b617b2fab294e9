"""How many events a second 64 clients get kept, each waiting for its own: durability `fsync` against `os`."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from threading import Barrier, Thread

from bench.installation import SITE_ID, installed
from bench.measuring import Figure, Result, Size, check, in_turn
from bench.servers import Served, ask, granian
from bench.serving import OURS, WARMING, check_kept, pixel_lines, served_environment
from owa.events import Event
from owa.server import GRANIAN_THREADS, threads_for
from owa.testing.traffic import Plan, generate

CLIENTS = 64
REQUESTS = 5_000
"""Of all clients, in a round."""
EVENTS = 100
"""Of each thread."""
ROUNDS = 7
GOAL = "at least 0.3"


def measure_durability(folder: Path, size: Size) -> Result:
    """Rates by the clock. Raises `NotDone` when an event is missing."""
    figures = _served(folder, size), _by_threads(folder, size)
    return Result(figures, notes=(f"a sync of 1 KB takes {_sync_time(folder) * 1_000:.2f} ms on this disk",))


def _sync_time(folder: Path) -> float:
    """Median seconds."""
    times = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(1_024))
            started = time.perf_counter()
            os.fdatasync(file)
            times.append(time.perf_counter() - started)
    return median(times)


def _served(folder: Path, size: Size) -> Figure:
    """As production serves it: one worker on one processor, the client on another."""
    count, rounds = size.of(REQUESTS, 5 * CLIENTS), size.times(ROUNDS)
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(_server(folder / name, name)) for name in ("fsync", "os"))
        for served in (ours, theirs):
            ask(served.port, pixel_lines(), CLIENTS, WARMING)
        pairs = in_turn(rounds, lambda _number: _asked(ours, count), lambda _number: _asked(theirs, count))
    for name in ("fsync", "os"):
        check_kept(folder / name, count * rounds + WARMING)
    return Figure(f"{CLIENTS} connections to granian", "fsync", "os", "req/s", pairs, GOAL)


@contextmanager
def _server(folder: Path, durability: str) -> Iterator[Served]:
    environment = {**served_environment(folder), "OWA_DURABILITY": durability}
    with installed(folder, **environment) as installation:
        threads = threads_for(installation.configuration.current().settings, GRANIAN_THREADS)
    with granian(OURS, environment, threads=threads) as served:
        yield served


def _asked(served: Served, count: int) -> float:
    return count / float(ask(served.port, pixel_lines(), CLIENTS, count)["seconds"])


def _by_threads(folder: Path, size: Size) -> Figure:
    """The queue alone: each client is a thread that does nothing but put, and wait."""
    count = size.of(EVENTS, 3)
    events = generate(Plan(CLIENTS * count, (SITE_ID,), nasty=0))
    pairs = in_turn(
        size.times(ROUNDS),
        lambda number: _rate(folder / f"fsync{number}", "fsync", events),
        lambda number: _rate(folder / f"os{number}", "os", events),
    )
    return Figure(f"{CLIENTS} threads of one process, the queue alone", "fsync", "os", "events/s", pairs, GOAL)


def _rate(folder: Path, durability: str, events: list[Event]) -> float:
    with installed(folder, OWA_DURABILITY=durability) as installation:
        start, end = Barrier(CLIENTS + 1), Barrier(CLIENTS + 1)

        def client(number: int) -> None:
            start.wait()
            for event in events[number::CLIENTS]:
                installation.incoming.put([event])
            end.wait()

        clients = [Thread(target=client, args=(number,), daemon=True) for number in range(CLIENTS)]
        for thread in clients:
            thread.start()
        start.wait()
        started = time.perf_counter()
        end.wait()
        elapsed = time.perf_counter() - started
        check(installation.incoming.status().depth, len(events), f"events kept with {durability}")
    return len(events) / elapsed
