"""How many events a second 64 clients get kept, each waiting for its own: durability `fsync` against `os`."""

import time
from pathlib import Path
from threading import Barrier, Thread

from bench.installation import SITE_ID, installed
from bench.measuring import Figure, Result, Size, check, in_turn
from owa.events import Event
from owa.testing.traffic import Plan, generate

CLIENTS = 64
EVENTS = 100
"""Of each client."""
ROUNDS = 7


def measure_durability(folder: Path, size: Size) -> Result:
    """Rates. Raises `NotDone` when an event is missing."""
    count = size.of(EVENTS, 3)
    events = generate(Plan(CLIENTS * count, (SITE_ID,), nasty=0))
    pairs = in_turn(
        size.times(ROUNDS),
        lambda number: _rate(folder / f"fsync{number}", "fsync", events),
        lambda number: _rate(folder / f"os{number}", "os", events),
    )
    return Result((Figure(f"{CLIENTS} clients", "fsync", "os", "events/s", pairs, "at least 0.3"),))


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
