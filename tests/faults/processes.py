"""Processes that write to a file queue or drain it, to be disturbed and killed."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from owa.app import Installation, open_installation
from owa.cli import main
from owa.clock import SystemClock
from owa.contributions import INCOMING, QueueContext
from owa.db.configuration import add_site
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.db.migrate import upgrade
from owa.errors import QueueUnavailable
from owa.events import Entry, Event
from owa.modules.file_queue import open_file_queue
from owa.processing.drain import drain_events
from owa.queues.files import FileQueue
from owa.queues.settings import ARCHIVE_OLD_EVENTS, DURABILITY
from owa.settings import Settings
from tests.factories import make_event
from tests.forked import CONTEXT

__all__ = ["CONTEXT"]

OF_ONE_WRITER = 1_000_000
"""Guids that a writer has to give away."""


def open_queue(folder: Path, database: Path, *, fsync: bool = False) -> FileQueue:
    """The queue in `folder`; drained files are deleted."""
    settings = Settings({DURABILITY.name: "fsync" if fsync else "os", ARCHIVE_OLD_EVENTS.name: False})
    return open_file_queue(QueueContext(INCOMING, settings, Database(f"sqlite:///{database}"), SystemClock(), folder))


def make_database(path: Path) -> Database:
    """One that can take the acknowledgements of `open_queue`."""
    database = Database(f"sqlite:///{path}")
    with database.writing() as connection:
        METADATA.create_all(connection)
    return database


def guids_of(writer: int) -> range:
    return range((writer + 1) * OF_ONE_WRITER, (writer + 2) * OF_ONE_WRITER)


def drained_guids(entries: list[Entry]) -> list[int]:
    return [entry.guid for entry in entries if isinstance(entry, Event)]


def append(folder: Path, database: Path, accepted: Path, writer: int, count: int) -> None:
    """Put `count` events, one by one, and note each whose `put` returned."""
    queue = open_queue(folder, database)
    with accepted.open("ab", buffering=0) as log:
        for guid in guids_of(writer)[:count]:
            queue.put([make_event(guid=guid)])
            log.write(b"%d\n" % guid)


def append_until(stop: Path, folder: Path, database: Path, accepted: Path, refused: Path, writer: int) -> None:
    """Put events of several sizes until `stop` exists; note those that were accepted and those that were refused."""
    queue = open_queue(folder, database)
    with accepted.open("ab", buffering=0) as yes, refused.open("ab", buffering=0) as no:
        for guid in guids_of(writer):
            if stop.exists():
                return
            try:
                queue.put([make_event(guid=guid, properties={"page_title": "x" * (guid * 37 % 1_500)})])
                yes.write(b"%d\n" % guid)
            except QueueUnavailable:
                no.write(b"%d\n" % guid)
                time.sleep(0.001)  # as a sender that comes again


def noted(log: Path) -> list[int]:
    """The guids in a log of `append`."""
    return [int(line) for line in log.read_bytes().splitlines()] if log.exists() else []


def install(data_dir: Path, domain: str) -> Installation:
    installation = open_installation({"OWA_DATA_DIR": str(data_dir)}, {})
    upgrade(installation.database)
    with installation.database.writing() as connection:
        add_site(connection, domain)
    installation.configuration.refresh()
    return installation


def drain(data_dir: Path) -> None:
    """Drain the incoming queue of an installation once."""
    installation = open_installation({"OWA_DATA_DIR": str(data_dir)}, {})
    drain_events(installation.incoming, installation.processor, wait=30)
    installation.close()


def command(words: list[str], environment: Mapping[str, str]) -> None:
    """What cli.py does, without the second and a half that it takes to start."""
    os.environ.update(environment)
    sys.exit(main(words))


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.002)
