"""The drain, with the real handlers, against inserting the same finished request rows in batches of the same size."""

import sqlite3
import time
from pathlib import Path

from bench.installation import SITE_ID, installed
from owa.db.bulk import chunks
from owa.processing.drain import BATCH, drain_events
from owa.testing.traffic import Plan, generate

EVENTS = 20_000


def measure_drain(folder: Path) -> tuple[float, float]:
    """CPU seconds per event: (OWA, bare). Raises `AssertionError` when an event is missing."""
    with installed(folder) as installation:
        for part in chunks(generate(Plan(EVENTS, (SITE_ID,), nasty=0))):
            installation.incoming.put(part)
        started = time.process_time()
        drained = drain_events(installation.incoming, installation.processor)
        ours = time.process_time() - started
        assert drained.report.processed == EVENTS, drained
        return ours / EVENTS, _bare(installation.data_dir / "owa.db", folder / "bare.db") / EVENTS


def _bare(finished: Path, target: Path) -> float:
    with sqlite3.connect(finished) as source:
        definition = source.execute("SELECT sql FROM sqlite_master WHERE name = 'owa_request'").fetchone()[0]
        rows = source.execute("SELECT * FROM owa_request ORDER BY id").fetchall()
    assert len(rows) == EVENTS
    connection = sqlite3.connect(target)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(definition)
    insert = f"INSERT INTO owa_request VALUES ({','.join('?' * len(rows[0]))})"
    started = time.process_time()
    for part in chunks(rows, BATCH):
        with connection:
            connection.executemany(insert, part)
    elapsed = time.process_time() - started
    connection.close()
    return elapsed
