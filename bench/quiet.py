"""One event on a quiet site that has a history: how long after a drain's start others see it stored, by the clock."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from bench.cron import LINE, begun, ended
from bench.drain import drain, later
from bench.installation import SITE_ID, installed
from bench.measuring import Figure, NotDone, Pairs, Result, Size
from bench.request import serving
from bench.servers import PATIENCE, granian
from bench.serving import OURS, served_environment
from owa.events import Event
from owa.testing.traffic import Plan, generate, request_parameters

STORED = 50_000
ROUNDS = 7
ALLOWED = 1.0
"""Seconds."""

Visit = Sequence[Event]
"""The first page views of a new visitor's first session."""

_SEEN = """
SELECT (SELECT count(*) FROM owa_request WHERE session_id = :session AND visitor_id = :visitor),
       (SELECT num_pageviews FROM owa_session WHERE id = :session),
       (SELECT count(*) FROM owa_visitor WHERE id = :visitor)
"""


def measure_quiet(folder: Path, size: Size) -> Result:
    """Seconds, against the one that is allowed. Raises `NotDone` when an event is not stored."""
    rounds, stored = size.times(ROUNDS), size.of(STORED, 500)
    with installed(folder) as installation:
        drain(installation, generate(Plan(stored, (SITE_ID,), nasty=0)))
    new = visits(2 * stored)
    opened, viewed = _in_process(folder, [next(new) for _ in range(rounds)])
    cron = [stored_by_cron(folder, next(new)) for _ in range(rounds)]
    served = _served(folder, [next(new) for _ in range(rounds)])
    return Result(
        (
            _figure("a new visitor's page view, drained in process", opened, "at most 1"),
            _figure("his next page view, drained in process", viewed, "at most 1"),
            _figure("a new visitor's page view, drained by processEventQueue", cron, "at most 1"),
            _figure("the same, from its request to a server that drains each second", served, "at most 2"),
        ),
        notes=(f"{stored:,} events were stored before; a request waits for the next drain as well",),
    )


def visits(after: int) -> Iterator[Visit]:
    """Two page views each. They come so many seconds after generated traffic has begun."""
    sessions: dict[int, list[Event]] = {}
    for event in generate(Plan(500, (SITE_ID,), seed=2, nasty=0)):
        sessions.setdefault(event.session_id, []).append(later(event, after + 86_400))
    for views in sessions.values():
        if views[0].properties.get("is_new_visitor") and len(views) > 1:
            yield views[:2]


def _in_process(folder: Path, new: Sequence[Visit]) -> tuple[list[float], list[float]]:
    """Of their first page views, and of their second, by the job that the scheduler of a web process runs."""
    opened: list[float] = []
    viewed: list[float] = []
    with serving(folder) as (installation, application):
        (job,) = (job for job in application.registry["owa"].all_jobs() if job.name == "drain")
        for visit in new:
            for views, times in ((visit[:1], opened), (visit, viewed)):
                installation.incoming.put(views[-1:])
                started = time.perf_counter()
                job.run()
                times.append(seen(folder, views, lambda: True) - started)
    return opened, viewed


def stored_by_cron(folder: Path, visit: Visit) -> float:
    """Of its first page view, from the start of the process. Raises `NotDone`."""
    with installed(folder) as installation:
        installation.incoming.put(visit[:1])
    started = time.perf_counter()
    process = begun(LINE, folder)
    try:
        return seen(folder, visit[:1], lambda: process.poll() is not None) - started
    finally:
        ended(process)


def _served(folder: Path, new: Sequence[Visit]) -> list[float]:
    """Of their first page views, sent when it is as long to the next drain as may be, and ever less long."""
    times = []
    with granian(OURS, served_environment(folder, scheduler=True), pinned=False) as server:
        for number, visit in enumerate(new):
            time.sleep(number / len(new))
            address = f"http://127.0.0.1:{server.port}/log.php?{urlencode(request_parameters(visit[0]))}"
            times.append(_sent(folder, visit[:1], address))
    return times


def _sent(folder: Path, views: Visit, address: str) -> float:
    request = Request(address, headers={"User-Agent": views[0].properties["HTTP_USER_AGENT"]})
    started = time.perf_counter()
    urlopen(request, timeout=PATIENCE).close()
    return seen(folder, views, lambda: time.perf_counter() > started + PATIENCE) - started


def seen(folder: Path, views: Visit, is_last: Callable[[], bool]) -> float:
    """When a connection of its own sees a session of just these page views. Raises `NotDone` when it does not after
    `is_last`."""
    ids = {"session": views[0].session_id, "visitor": views[0].visitor_id}
    with closing(sqlite3.connect(folder / "owa.db")) as connection:
        while True:
            ends = is_last()
            found = connection.execute(_SEEN, ids).fetchone()
            if found == (len(views), len(views), 1):
                return time.perf_counter()
            if ends:
                raise NotDone(f"page views, those of the session, and visitors: {found}, of {len(views)}.")
            time.sleep(0.002)


def _figure(name: str, times: Sequence[float], goal: str) -> Figure:
    pairs: Pairs = tuple((taken, ALLOWED) for taken in times)
    return Figure(name, "until stored", "allowed", "s", pairs, goal)
