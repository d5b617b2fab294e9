"""Threads that put into a durable queue at once share a write and a sync, and what becomes of it."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from owa.db.engine import Database
from owa.errors import QueueUnavailable
from owa.queues.files import FileQueue
from owa.queues.testing import drain_all
from tests.factories import make_event
from tests.faults.processes import drained_guids, make_database, open_queue
from tests.servers import wait_until

CLIENTS = 64
PATIENCE = 30.0


class Disk:
    """Takes the place of `os.fdatasync`: the first sync lasts until `go` is set, and on demand the others fail."""

    def __init__(self) -> None:
        self.syncs = 0
        self.begun, self.go = Event(), Event()
        self.breaks = False
        self._fdatasync = os.fdatasync

    def __call__(self, descriptor: int) -> None:
        self.syncs += 1
        self.begun.set()
        assert self.go.wait(PATIENCE)
        if self.breaks and self.syncs > 1:
            raise OSError(errno.EIO, "Input/output error")
        self._fdatasync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk)
    return disk


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = make_database(tmp_path / "owa.db")
    yield database
    database.close()


@pytest.fixture
def queue(tmp_path: Path, database: Database) -> Iterator[FileQueue]:
    queue = open_queue(tmp_path / "queue", tmp_path / "owa.db", fsync=True)
    yield queue
    queue.close()


class Clients:
    """Each puts one event, of its own number: the first, and while that is synced all others."""

    def __init__(self, queue: FileQueue, disk: Disk, broken: int = -1) -> None:
        """`broken`: whose event cannot be written by anybody."""
        self._queue, self._broken = queue, broken
        self.answers: dict[int, str] = {}
        self._threads = [Thread(target=self._put, args=(number,), daemon=True) for number in range(1, CLIENTS + 1)]
        self._threads[0].start()
        assert disk.begun.wait(PATIENCE)
        for thread in self._threads[1:]:
            thread.start()
        wait_until(lambda: queue.waiting == CLIENTS - 1, "not all wait for the next sync")

    def _put(self, number: int) -> None:
        text = "\ud800" if number == self._broken else "a"
        try:
            self._queue.put([make_event(guid=number, properties={"page_title": text})])
            self.answers[number] = "kept"
        except QueueUnavailable as error:
            self.answers[number] = error.message
        except TypeError:
            self.answers[number] = "broken"

    def end(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
        assert len(self.answers) == CLIENTS, "somebody waits for ever"

    def answered(self, text: str) -> list[int]:
        return sorted(number for number, answer in self.answers.items() if text in answer)


def test_64_clients_share_two_syncs(queue: FileQueue, disk: Disk, database: Database) -> None:
    clients = Clients(queue, disk)
    assert clients.answers == {}, "nobody is answered before his event is on the disk"
    disk.go.set()
    clients.end()
    assert clients.answered("kept") == list(range(1, CLIENTS + 1))
    assert disk.syncs == 2
    assert sorted(drained_guids(drain_all(queue, database))) == list(range(1, CLIENTS + 1))


def test_a_failed_sync_is_told_to_those_whom_it_would_have_served(
    queue: FileQueue, disk: Disk, database: Database
) -> None:
    clients = Clients(queue, disk)
    disk.breaks = True
    disk.go.set()
    clients.end()
    assert clients.answered("kept") == [1]
    assert clients.answered("Input/output error") == list(range(2, CLIENTS + 1))
    disk.breaks = False
    queue.put([make_event(guid=100)])
    assert {1, 100} <= set(drained_guids(drain_all(queue, database)))


def test_what_cannot_be_written_is_its_senders_mistake_alone(queue: FileQueue, disk: Disk, database: Database) -> None:
    clients = Clients(queue, disk, broken=7)
    disk.go.set()
    clients.end()
    assert clients.answered("broken") == [7]
    others = [number for number in range(1, CLIENTS + 1) if number != 7]
    assert clients.answered("kept") == others
    assert sorted(drained_guids(drain_all(queue, database))) == others


def test_a_full_disk_is_told_to_those_whose_write_it_cut(
    queue: FileQueue, disk: Disk, database: Database, tmp_path: Path
) -> None:
    clients = Clients(queue, disk)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "queue" / "events.txt").stat().st_size + 1_000, before[1]))
    try:
        disk.go.set()
        clients.end()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert clients.answered("kept") == [1]
    assert clients.answered("disk is full") == list(range(2, CLIENTS + 1))
    queue.put([make_event(guid=100)])
    guids = drained_guids(drain_all(queue, database))
    assert {1, 100} <= set(guids)
    assert len(set(guids)) == len(guids) < CLIENTS
