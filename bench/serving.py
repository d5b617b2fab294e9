"""OWA behind a server, over sockets: what a worker can do, and how long visitors wait."""

import time
from contextlib import ExitStack
from pathlib import Path

from bench.installation import SITE_ID, installed, page_views
from bench.measuring import Figure, NotDone, Result, Size, check, in_turn
from bench.requests import environs
from bench.servers import PATIENCE, Served, ask, granian, nginx
from owa.app import Installation
from owa.db.bulk import chunks
from owa.testing.traffic import Plan, generate

CONNECTIONS = 32
REQUESTS = 20_000
ROUNDS = 5
WARMING = 320
BACKLOG = 20_000

OURS, BARE = "owa.wsgi:application", "bench.yardsticks.bare_wsgi:application"


def measure_capacity(folder: Path, size: Size) -> Result:
    """Requests that a worker's CPU second is enough for: granian with OWA, and with a bare callable, against nginx's
    `empty_gif` with an access log line of that size. Raises `NotDone` when an event is missing."""
    count, rounds = size.of(REQUESTS, 200), size.times(ROUNDS)
    with ExitStack() as stack:
        other = stack.enter_context(nginx(folder / "nginx"))
        bare = stack.enter_context(granian(BARE, {}))
        ours = stack.enter_context(granian(OURS, served_environment(folder / "owa")))
        for served in (ours, bare, other):
            ask(served.port, pixel_lines(), CONNECTIONS, WARMING)
        pairs = in_turn(rounds, lambda _number: _capacity(ours, count), lambda _number: _capacity(other, count))
        bares = in_turn(rounds, lambda _number: _capacity(bare, count), lambda _number: _capacity(other, count))
    check_kept(folder / "owa", count * rounds + WARMING)
    logged = (folder / "nginx" / "access.log").read_text().count("/log.php")
    check(logged, 2 * count * rounds + WARMING, "lines of nginx's log")
    theirs = "nginx empty_gif with log"
    return Result(
        (
            Figure("one worker", "OWA on granian", theirs, "req/CPU s", pairs, "at least 0.20, aim 0.30"),
            Figure("one worker", "bare callable on granian", theirs, "req/CPU s", bares),
        ),
        notes=("the client shares the machine, and is slower than the servers: their own CPU time is what counts",),
    )


def measure_latency(folder: Path, size: Size) -> Result:
    """p99 under 32 connections, of a worker that is pinned, and of two that drain a backlog meanwhile. Raises `NotDone`
    when an event is missing, or when nothing was drained."""
    count, rounds = size.of(REQUESTS // 4, 200), size.times(ROUNDS)
    with granian(BARE, {}) as bare:
        with granian(OURS, served_environment(folder / "quiet")) as ours:
            for served in (ours, bare):
                ask(served.port, pixel_lines(), CONNECTIONS, WARMING)
            pairs = in_turn(rounds, lambda _number: _p99(ours, count), lambda _number: _p99(bare, count))
        check_kept(folder / "quiet", count * rounds + WARMING)
        draining = tuple(_while_draining(folder / f"draining{number}", bare, count, size) for number in range(rounds))
    return Result(
        (
            Figure(f"p99, {CONNECTIONS} connections", "OWA", "bare callable", "ms", pairs, "at most 5"),
            Figure("p99 while a backlog drains", "OWA", "bare callable", "ms", draining, "at most 5"),
        )
    )


def _while_draining(folder: Path, bare: Served, count: int, size: Size) -> tuple[float, float]:
    environment = served_environment(folder, scheduler=True)
    with installed(folder, OWA_SCHEDULER="0") as installation:
        for part in chunks(generate(Plan(size.of(BACKLOG, 2_000), (SITE_ID,), nasty=0))):
            installation.incoming.put(part)
        backlog = installation.incoming.status().depth
        with granian(OURS, environment, workers=2, pinned=False) as ours:
            _await_drain(installation, backlog)
            ask(ours.port, pixel_lines(), CONNECTIONS, WARMING)
            waited = _p99(ours, count)
            if page_views(installation) >= backlog:
                raise NotDone("The backlog was drained before the last request.")
        kept = page_views(installation) + installation.incoming.status().depth
        check(kept, backlog + WARMING + count, "events stored or queued")
    return waited, _p99(bare, count)


def _await_drain(installation: Installation, backlog: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while installation.incoming.status().depth >= backlog:
        if time.monotonic() > deadline:
            raise NotDone("Nothing is drained.")
        time.sleep(0.05)


def _capacity(served: Served, count: int) -> float:
    before = served.cpu()
    ask(served.port, pixel_lines(), CONNECTIONS, count)
    return count / max(served.cpu() - before, 0.01)


def _p99(served: Served, count: int) -> float:
    return float(ask(served.port, pixel_lines(), CONNECTIONS, count)["p99"]) * 1_000


def served_environment(folder: Path, *, scheduler: bool = False) -> dict[str, str]:
    """Of a production server, on a folder where OWA is installed for it."""
    with installed(folder):
        pass
    given = {"OWA_DATA_DIR": str(folder), "OWA_QUEUE_EVENTS": "1", "OWA_DRAIN_INTERVAL": "1", "PORT": ""}
    as_in_production = {"OWA_PIN_WORKERS": "1"}
    return {**given, **as_in_production, "OWA_SCHEDULER": str(int(scheduler)), "OWA_INI": "development.ini"}


def check_kept(folder: Path, count: int) -> None:
    with installed(folder) as installation:
        check(installation.incoming.status().depth, count, "events queued")


def pixel_lines() -> list[str]:
    """Pixel requests as they go over the wire."""
    return [
        f"GET /log.php?{environ['QUERY_STRING']} HTTP/1.1\r\nHost: stats.example.org\r\n"
        f"User-Agent: {environ['HTTP_USER_AGENT']}\r\nAccept: */*\r\nAccept-Language: en-US,en;q=0.9\r\n"
        f"Referer: {environ['HTTP_REFERER']}\r\n\r\n"
        for environ in environs("pixel", 320)
    ]
