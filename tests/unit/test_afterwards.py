import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from owa.clock import SystemClock
from owa.db.engine import Database
from owa.queues.afterwards import Afterwards
from owa.queues.files.folder import Folder
from owa.queues.files.queue import FileQueue
from owa.queues.numbering import kept_numbers
from tests.factories import make_event
from tests.servers import wait_until

PATIENCE = 30.0


def test_it_is_done_once_for_all_who_ask_meanwhile() -> None:
    begun, may_end = Event(), Event()
    done: list[int] = []

    def work() -> None:
        begun.set()
        assert may_end.wait(PATIENCE)
        done.append(len(done))

    afterwards = Afterwards(work, 0.0)
    assert afterwards.ask()
    assert begun.wait(PATIENCE)
    assert [afterwards.ask() for _ in range(3)] == [True, True, True]
    may_end.set()
    wait_until(lambda: len(done) == 2, "it was not done for those who asked meanwhile")
    wait_until(lambda: not afterwards.is_asked, "nobody can ask again")
    assert afterwards.ask()
    wait_until(lambda: len(done) == 3, "it was not done again")
    afterwards.stop()


def test_what_fails_is_done_again_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    tried = []

    def work() -> None:
        tried.append(1)
        raise OSError("the disk is broken")

    afterwards = Afterwards(work, 0.0)
    assert afterwards.ask()
    wait_until(lambda: len(tried) == 1, "it was not tried")
    wait_until(lambda: not afterwards.is_asked, "nobody can ask again")
    assert afterwards.ask()
    wait_until(lambda: len(tried) == 2, "it was not tried again")
    afterwards.stop()
    assert "the disk is broken" in caplog.text


def test_when_it_has_stopped_nothing_is_done() -> None:
    afterwards = Afterwards(lambda: None, 0.0)
    afterwards.stop()
    assert [afterwards.ask(), afterwards.ask()] == [False, False]


def test_without_a_thread_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    afterwards = Afterwards(lambda: None, 0.0)
    monkeypatch.setattr(Thread, "start", none_left)
    assert [afterwards.ask(), afterwards.ask()] == [False, False]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were synced, by the names that they have then."""
    names: list[str] = []
    fdatasync = os.fdatasync

    def noting(descriptor: int) -> None:
        fdatasync(descriptor)
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fdatasync", noting)
    return names


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[FileQueue]:
    clock, database = SystemClock(), Database(f"sqlite:///{tmp_path}/owa.db")
    folder = Folder(tmp_path, clock, durable=False)
    queue = FileQueue(folder, database, clock, fsync=False, archive=False, sync_interval=0.01)
    yield queue
    queue.close()
    database.close()


def test_what_was_written_is_synced_though_nobody_waits(queue: FileQueue, synced: list[str]) -> None:
    queue.put([make_event()])
    wait_until(lambda: "events.txt" in synced, "it was not synced")


def test_a_file_that_was_rotated_away_is_synced_too(queue: FileQueue, tmp_path: Path, synced: list[str]) -> None:
    queue.put([make_event()])
    (tmp_path / "events.txt").rename(tmp_path / "rotated")
    queue.put([make_event()])
    wait_until(lambda: {"events.txt", "rotated"} <= set(synced), "not both were synced")


def test_numbers_of_a_burst_are_kept_a_moment_later(queue: FileQueue, tmp_path: Path) -> None:
    for _ in range(50):
        queue.put([make_event()])
    wait_until(lambda: list(kept_numbers(tmp_path / "writers").values()) == [50], "the last number is not kept")
