"""The drain on SQLite with the real handlers, against a bare load of the same finished rows, and against the ORM."""

import cProfile
import pstats
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from bench.installation import SITE_ID, installed, page_views
from bench.measuring import Figure, Result, Size, check, in_turn
from bench.yardsticks.bulk_load import bulk_load
from bench.yardsticks.orm_drain import OrmDrain
from owa.app import Installation
from owa.db.bulk import chunks
from owa.events import Event, dumps
from owa.processing.drain import BATCH, drain_events
from owa.testing.traffic import START, Plan, generate

EVENTS = 50_000
ORM_EVENTS = 1_000
STORED = (50_000, 1_000_000)
ROUNDS = 3

Callers = dict[tuple[str, int, str], tuple[float, ...]]
"""Of a profiled function."""


def measure_drain(folder: Path, size: Size) -> Result:
    """CPU time as rates. Raises `NotDone` when an event is missing."""
    events = generate(Plan(size.of(EVENTS, 2_000), (SITE_ID,), nasty=0))
    few = events[: size.of(ORM_EVENTS, 100)]
    numbers = count()
    rates: list[float] = []

    def ours(number: int) -> float:
        rates.append(_drained(folder / f"ours{number}", events))
        return rates[-1]

    loads = in_turn(size.times(ROUNDS), ours, lambda _number: _loaded(folder, next(numbers), len(events)))
    orms = [_by_orm(folder / f"orm{number}", few) for number in range(size.times(ROUNDS))]
    return Result(
        (
            Figure("drain", "OWA", "bare bulk load", "events/s", loads, "at least 0.12, aim 0.25"),
            Figure("drain", "OWA", "ORM", "events/s", tuple(zip(rates, orms, strict=True)), "at least 30"),
        ),
        stages(folder / "profile", events[: len(events) // 2]),
    )


def measure_growth(folder: Path, size: Size) -> Result:
    """The rate with a million events stored, against that with fifty thousand."""
    few, many = (size.of(stored, least) for stored, least in zip(STORED, (500, 2_000), strict=True))
    ahead = generate(Plan(few, (SITE_ID,), nasty=0))
    part = size.of(10_000, 500)
    with installed(folder / "few") as small, installed(folder / "many") as large:
        for installation, stored in ((small, few), (large, many)):
            drain(installation, ahead)
            _multiply(installation.data_dir / "owa.db", few, stored)
        pairs = in_turn(
            size.times(ROUNDS), lambda number: _more(large, number, part), lambda number: _more(small, number, part)
        )
    figure = Figure("drain", f"{many:,} stored", f"{few:,} stored", "events/s", pairs, "at least 0.95")
    return Result((figure,))


def _more(installation: Installation, number: int, part: int) -> float:
    """The rate of events that come now: their keys are greater than all that are stored."""
    shift = (number + 1) * 10_000_000
    events = [later(event, shift) for event in generate(Plan(part, (SITE_ID,), seed=number + 2, nasty=0))]
    return drain(installation, events)


def later(event: Event, seconds: int) -> Event:
    """As if it had come so much later, and its visitor and session with it."""
    changes = {name: getattr(event, name) + seconds * 10**9 for name in ("guid", "visitor_id", "session_id")}
    fields = {name: getattr(event, name) for name in ("event_type", "site_id", "server", "properties")}
    return Event(received_at=event.received_at + seconds * 10**6, **changes, **fields)


def _multiply(database: Path, stored: int, wanted: int) -> None:
    """Copies of all facts, sessions and visitors, before them in time, until so many events are there."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for number in range(1, wanted // stored):
            shift = number * (START // (wanted // stored + 1)) * 10**9
            for table in ("owa_request", "owa_session", "owa_visitor"):
                names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
                older = {"id": "id - :by", "session_id": "session_id - :by", "visitor_id": "visitor_id - :by"}
                columns = ", ".join(older.get(name, f'"{name}"') for name in names)
                newest = f"SELECT {columns} FROM {table} WHERE id >= :first"
                connection.execute(f"INSERT INTO {table} {newest}", {"by": shift, "first": START * 10**9})
        found = connection.execute("SELECT count(*) FROM owa_request").fetchone()[0]
    check(found, stored * (wanted // stored), "rows stored before")


def _drained(folder: Path, events: Sequence[Event]) -> float:
    with installed(folder) as installation:
        return drain(installation, events)


def drain(installation: Installation, events: Sequence[Event]) -> float:
    """Events for each second of CPU."""
    for part in chunks(events):
        installation.incoming.put(part)
    before = page_views(installation)
    started = time.process_time()
    drained = drain_events(installation.incoming, installation.processor)
    elapsed = time.process_time() - started
    check(drained.report.processed, len(events), "events processed")
    check(page_views(installation) - before, len(events), "page views stored")
    return len(events) / elapsed


def _loaded(folder: Path, number: int, events: int) -> float:
    finished = folder / "finished"
    if not finished.exists():
        _drained(finished, generate(Plan(events, (SITE_ID,), nasty=0)))
    target = folder / f"bare{number}.db"
    elapsed, _rows = bulk_load(finished / "owa.db", target, -(-events // BATCH), time.process_time)
    return events / elapsed


def _by_orm(folder: Path, events: Sequence[Event]) -> float:
    with installed(folder):
        pass
    orm = OrmDrain(folder / "owa.db", "UTC")
    lines = [dumps(event) for event in events]
    warm = len(lines) // 10
    orm.drain(lines[:warm])
    started = time.process_time()
    check(orm.drain(lines[warm:]), len(lines) - warm, "events of the ORM")
    elapsed = time.process_time() - started
    orm.close()
    return (len(lines) - warm) / elapsed


def stages(folder: Path, events: Sequence[Event]) -> dict[str, float]:
    """Microseconds of an event by stage, the profiler's own cost taken off in proportion."""
    rate = _drained(folder / "plain", events)
    with installed(folder / "profiled") as installation:
        for part in chunks(events):
            installation.incoming.put(part)
        profile = cProfile.Profile()
        profile.runcall(drain_events, installation.incoming, installation.processor)
    shares: dict[str, float] = dict.fromkeys(("read", "decode", "derive", "SQL", "commit", "settle and the rest"), 0.0)
    for (file, _line, name), (_calls, _all, own, _sum, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for stage, seconds in _attributed(file, name, own, callers):
            shares[stage] += seconds
    scale = 1e6 / rate / sum(shares.values())
    return {stage: seconds * scale for stage, seconds in shares.items()} | {"whole": 1e6 / rate}


def _attributed(file: str, name: str, own: float, callers: Callers) -> list[tuple[str, float]]:
    """(stage, seconds) of a function; what is written in C counts for those who call it."""
    if file != "~" or "sqlite3" in name or "orjson" in name:
        return [(_stage(file, name), own)]
    return [(_stage(caller[0], caller[2]), told[2]) for caller, told in callers.items()]


def _stage(file: str, name: str) -> str:
    if "'commit' of 'sqlite3" in name:
        return "commit"
    if "sqlite3" in name or "/sqlalchemy/" in file or "/owa/db/" in file:
        return "SQL"
    if "orjson" in name or file.endswith(("/owa/events.py", "/owa/queues/records.py")):
        return "decode"
    if "/owa/queues/" in file:
        return "read"
    return "derive" if "/owa/analytics/" in file else "settle and the rest"
