import os
import threading
from pathlib import Path
from threading import Thread

import pytest

from owa.queues.group_sync import GroupSync

THREADS, WRITES = 16, 50


def test_each_of_many_threads_returns_when_its_own_write_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    syncs, lock = GroupSync(), threading.Lock()
    synced_size, count, early = 0, 0, []

    def sync(synced: int) -> None:
        nonlocal synced_size, count
        size = os.fstat(synced).st_size
        os.sched_yield()
        synced_size, count = max(synced_size, size), count + 1

    def write() -> None:
        for _ in range(WRITES):
            with lock:
                os.write(descriptor, b"x")
                size, ticket = os.fstat(descriptor).st_size, syncs.register(descriptor)
            syncs.wait(ticket)
            if synced_size < size:
                early.append(size)

    monkeypatch.setattr(os, "fdatasync", sync)
    threads = [Thread(target=write, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    assert not early
    assert 0 < count <= THREADS * WRITES
    assert synced_size == THREADS * WRITES
    os.close(descriptor)


def test_who_asks_late_is_told_of_his_own_failure_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    syncs = GroupSync()
    fdatasync = os.fdatasync
    kept = [syncs.register(descriptor), syncs.register(descriptor)]
    syncs.wait(kept[1])

    def fail(_descriptor: int) -> None:
        raise OSError("the disk is broken")

    monkeypatch.setattr(os, "fdatasync", fail)
    lost = [syncs.register(descriptor), syncs.register(descriptor)]
    with pytest.raises(OSError, match="broken"):
        syncs.wait(lost[1])
    with pytest.raises(OSError, match="broken"):
        syncs.wait(lost[0])
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    syncs.wait(kept[0])
    syncs.wait(syncs.register(descriptor))
    os.close(descriptor)
