"""Packages of third parties: what an installer would leave in a folder."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.servers import ROOT

OTHER_QUEUE = '''
"""A queue of a third party: a table of a SQLite file in the folder of the queue files."""

import fcntl
import json
import sqlite3
from contextlib import contextmanager
from owa.module_api import (
    INCOMING, Batch, Event, HeldByAnother, Module, Pending, QueueBinding, QueueStatus, QueueType, Receipt, hookimpl,
    DIRECT, after_commit, dumps, loads,
)


class OtherQueue:
    def __init__(self, context):
        context.folder.mkdir(parents=True, exist_ok=True)
        self._path = context.folder / "other_queue.db"
        with self._writing() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY AUTOINCREMENT, event BLOB)")

    @contextmanager
    def _connected(self):
        connection = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _writing(self):
        """Who waits is woken; SQLite's own lock is polled, and a drain would starve beside busy servers."""
        with self._path.with_suffix(".turn").open("a") as turn, self._connected() as connection:
            fcntl.flock(turn, fcntl.LOCK_EX)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def put(self, entries):
        rows = [(dumps(entry),) for entry in entries if isinstance(entry, Event)]  # refusals are not kept
        with self._writing() as connection:
            connection.executemany("INSERT INTO kept (event) VALUES (?)", rows)

    @contextmanager
    def drain(self, wait=0.0):
        with self._path.with_suffix(".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HeldByAnother("Another drain holds the other queue.")
            yield OtherSource(self)

    def _rows(self, count=-1, order="ASC"):
        with self._connected() as connection:
            return connection.execute(f"SELECT id, event FROM kept ORDER BY id {order} LIMIT ?", (count,)).fetchall()

    def last(self):
        with self._connected() as connection:
            return connection.execute("SELECT coalesce(max(id), 0) FROM kept").fetchone()[0]

    def lease(self, limit, last):
        rows = [row for row in self._rows(limit) if row[0] <= last]
        if not rows:
            return None

        def delete():
            with self._writing() as connection:
                connection.execute("DELETE FROM kept WHERE id <= ?", (rows[-1][0],))

        events = tuple(loads(event) for _, event in rows)
        return Batch(events, (), lambda connection: after_commit(connection, delete), redelivers=True)

    def check(self):
        pass

    def status(self):
        events = [loads(event) for _, event in self._rows()]
        return QueueStatus(len(events), min((event.received_at for event in events), default=None))

    def latest(self, count):
        return [loads(event) for _, event in self._rows(count, "DESC")]

    def pending(self):
        pending = Pending()
        for _, event in self._rows():
            account = loads(event).server, loads(event).site_id
            pending.events[account] += 1
            pending.receipts.append(Receipt(DIRECT, *account, 1))
        return pending

    def close(self):
        pass


class OtherSource:
    """Reads as far as the queue reached when it was first asked."""

    def __init__(self, queue):
        self._queue = queue
        self._last = None

    def lease(self, limit):
        if self._last is None:
            self._last = self._queue.last()
        return self._queue.lease(limit, self._last)


@hookimpl
def owa_module():
    return Module("other_queue", "Other queue", "1.0", "Them", "Queues", "Keeps events in a table of its own.")


@hookimpl
def owa_queue_types():
    return [QueueType("other", OtherQueue)]


@hookimpl
def owa_queue_bindings():
    return [QueueBinding(INCOMING, "other", override=True)]
'''
"""Of a module `other_queue`, which replaces the file queue."""

FAILING_STEP = """
from owa.module_api import PreprocessingStep

def fail(event, settings):
    raise ValueError("it does not work")

@hookimpl
def owa_preprocessing_steps():
    return [PreprocessingStep("fails", fail)]
"""
"""For the end of a module's code."""


def install_package(
    folder: Path, name: str, code: str, metadata: str = "", files: Mapping[str, str] | None = None
) -> Path:
    """A package with a module of OWA, both of that name, in a folder to be put on the path; returns the folder.
    `files`: more of them, by their paths in the package."""
    folder.mkdir(exist_ok=True)
    if files is None:
        (folder / f"{name}.py").write_text(code)
    else:
        for path, text in {"__init__.py": code, **files}.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_text(text)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}")
    (about / "entry_points.txt").write_text(f"[owa.modules]\n{name} = {name}\n")
    return folder


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for packages, on the path of this process."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for path in (*folder.glob("*.py"), *folder.glob("*/__init__.py")):
        sys.modules.pop(path.stem if path.stem != "__init__" else path.parent.name, None)


def on_the_path(packages: Path) -> dict[str, str]:
    """The environment of processes that find the packages of that folder."""
    return {"PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"}
