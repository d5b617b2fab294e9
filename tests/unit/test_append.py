import errno
import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from owa.errors import QueueUnavailable
from owa.queues import append
from owa.queues.append import Appender, wait_for_writers
from owa.queues.testing import killed_at_the_end


def write(appender: Appender, data: bytes) -> None:
    with appender.lock:
        appender.write(data)


def sync(appender: Appender) -> None:
    with appender.lock:
        appender.sync()


def close(appender: Appender) -> None:
    with appender.lock:
        appender.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.txt"


@pytest.fixture
def appender(path: Path) -> Iterator[Appender]:
    appender = Appender(path, fsync=False)
    yield appender
    close(appender)


@pytest.fixture
def burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written belongs to a burst, and the lock is kept until somebody lets go of it."""
    monkeypatch.setattr(append, "BURST", 1e9)
    monkeypatch.setattr(append, "HOLD", 0.2)


def is_free(path: Path) -> bool:
    """Whether a reader could read the file."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A file can grow to `size` bytes and no further: a write that goes beyond is cut short there, the next one fails.
    Like a full disk, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_it_appends(appender: Appender, path: Path) -> None:
    path.write_bytes(b"before\n")
    write(appender, b"a\n")
    write(appender, b"b\n")
    assert path.read_bytes() == b"before\na\nb\n"


def test_only_the_owner_writes_and_others_do_not_read(appender: Appender, path: Path) -> None:
    write(appender, b"a\n")
    assert path.stat().st_mode & 0o137 == 0


def test_after_a_rename_it_writes_to_the_new_file(appender: Appender, path: Path) -> None:
    write(appender, b"a\n")
    path.rename(path.with_name("rotated"))
    write(appender, b"b\n")
    assert path.with_name("rotated").read_bytes() == b"a\n"
    assert path.read_bytes() == b"b\n"


def test_after_a_rename_it_writes_to_a_file_that_another_made(appender: Appender, path: Path) -> None:
    write(appender, b"a\n")
    path.rename(path.with_name("rotated"))
    path.write_bytes(b"theirs\n")
    write(appender, b"b\n")
    assert path.read_bytes() == b"theirs\nb\n"


def test_a_short_write_is_refused_and_the_next_one_goes_on(appender: Appender, path: Path) -> None:
    with largest_file(6):
        write(appender, b"abcd")
        with pytest.raises(QueueUnavailable, match="disk is full"):
            write(appender, b"efgh")
        with pytest.raises(QueueUnavailable, match=str(path)):
            write(appender, b"ijkl")
    write(appender, b"mnop")
    assert path.read_bytes() == b"abcdefmnop"


def test_a_full_device_is_an_outage() -> None:
    with pytest.raises(QueueUnavailable, match="No space left"):
        write(Appender(Path("/dev/full"), fsync=False), b"a")


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    appender = Appender(tmp_path / "a" / "folder" / "events.txt", fsync=False)
    write(appender, b"a")
    assert (tmp_path / "a" / "folder" / "events.txt").read_bytes() == b"a"
    close(appender)


def test_it_locks_nothing_between_two_writes(appender: Appender, path: Path) -> None:
    write(appender, b"a")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with largest_file(1), pytest.raises(QueueUnavailable):
        write(appender, b"b")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.usefixtures("burst")
def test_in_a_burst_readers_are_kept_out_for_a_moment(path: Path) -> None:
    appender = Appender(path, fsync=False)
    write(appender, b"a")
    path.rename(path.with_name("rotated"))
    write(appender, b"b")
    assert not is_free(path.with_name("rotated"))
    wait_for_writers(path.with_name("rotated"))
    write(appender, b"c")
    assert (path.with_name("rotated").read_bytes(), path.read_bytes()) == (b"ab", b"c")
    close(appender)
    assert is_free(path)


@pytest.mark.usefixtures("burst")
def test_in_a_burst_a_full_disk_keeps_nobody_out(path: Path) -> None:
    appender = Appender(path, fsync=False)
    write(appender, b"a")
    with largest_file(1), pytest.raises(QueueUnavailable):
        write(appender, b"b")
    assert is_free(path)
    write(appender, b"c")
    close(appender)
    write(appender, b"d")
    wait_for_writers(path)
    assert path.read_bytes() == b"acd"
    close(appender)


@pytest.mark.usefixtures("burst")
def test_a_child_that_is_forked_in_a_burst_takes_a_lock_of_its_own(path: Path) -> None:
    appender = Appender(path, fsync=False)
    write(appender, b"a")

    def in_the_child() -> None:
        appender.forget_descriptor()
        path.rename(path.with_name("rotated"))
        write(appender, b"b")

    with killed_at_the_end(in_the_child):
        write(appender, b"c")
    wait_for_writers(path.with_name("rotated"))
    wait_for_writers(path)
    rotated, current = path.with_name("rotated").read_bytes(), path.read_bytes()
    assert rotated[:1] == b"a"
    assert b"b" in current
    assert (rotated + current).count(b"c") == 1  # where, depends on whether the burst has lasted so long
    close(appender)


def test_a_writer_that_never_lets_go_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append, "WRITERS_PATIENCE", 0.05)
    with path.open("w") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_SH)
        with pytest.raises(QueueUnavailable, match="does not stop writing"):
            wait_for_writers(path)


def test_it_keeps_readers_out_while_it_writes(appender: Appender, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os_write, seen = os.write, []

    def looked_at(descriptor: int, data: bytes) -> int:
        with path.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with path.open() as file:  # other writers are welcome
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        seen.append(data)
        return os_write(descriptor, data)

    monkeypatch.setattr(os, "write", looked_at)
    write(appender, b"a")
    assert seen == [b"a"]


def test_it_looks_at_the_name_when_it_has_the_lock(
    appender: Appender, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drain may rotate the file in the very moment before, and have read it."""
    write(appender, b"a")
    flock = fcntl.flock

    def after_a_rotation(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_SH and not path.with_name("rotated").exists():
            path.rename(path.with_name("rotated"))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", after_a_rotation)
    write(appender, b"b")
    assert path.with_name("rotated").read_bytes() == b"a"
    assert path.read_bytes() == b"b"


def test_the_reader_waits_for_a_writer_that_has_looked_at_the_name(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    reader = Thread(target=wait_for_writers, args=(path,))
    reader.start()
    reader.join(0.2)
    assert reader.is_alive()
    os.close(descriptor)
    reader.join(30)
    assert not reader.is_alive()


def test_a_forked_child_writes_by_itself_and_leaves_the_parents_file_open(appender: Appender, path: Path) -> None:
    write(appender, b"a")

    def in_the_child() -> None:
        appender.forget_descriptor()
        write(appender, b"b")

    with killed_at_the_end(in_the_child):
        write(appender, b"c")
    assert path.read_bytes() == b"abc"


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the files that `os.fdatasync` was called for."""
    found, fdatasync = [], os.fdatasync

    def counted(descriptor: int) -> None:
        fdatasync(descriptor)
        found.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fdatasync", counted)
    return found


def test_what_was_written_is_synced_even_when_the_file_was_renamed_meanwhile(path: Path, syncs: list[int]) -> None:
    appender = Appender(path, fsync=True)
    write(appender, b"ab")
    path.rename(path.with_name("rotated"))
    sync(appender)
    write(appender, b"c")
    sync(appender)
    close(appender)
    assert syncs == [2, 1]


def test_a_failed_sync_is_an_outage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    appender = Appender(path, fsync=True)
    write(appender, b"a")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fail)
        with pytest.raises(QueueUnavailable, match="Input/output error"):
            sync(appender)
    write(appender, b"b")
    sync(appender)
    close(appender)
    assert path.read_bytes() == b"ab"
