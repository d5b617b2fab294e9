"""Accepted means kept, and once: whatever writers and drains suffer."""

import fcntl
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, select

from owa.analytics.tables import REQUEST, SESSION
from owa.app import Installation, open_installation
from owa.db.configuration import site_id_of
from owa.db.counts import stored
from owa.db.engine import Database
from owa.errors import Overtaken
from owa.events import Entry, Event
from owa.processing.drain import drain_events
from owa.queues.records import Record, encode
from owa.queues.testing import drain_all, lease
from tests.factories import make_event
from tests.faults.processes import (
    CONTEXT,
    append,
    drain,
    drained_guids,
    guids_of,
    install,
    make_database,
    noted,
    open_queue,
    wait_until,
)

DOMAIN = "http://example.org"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = make_database(tmp_path / "owa.db")
    yield database
    database.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = install(tmp_path / "data", DOMAIN)
    yield installation
    installation.close()


# Writers


@pytest.mark.parametrize(("count", "disturbed"), [(20_000, False), (5_000, True)], ids=["calm", "stopped at random"])
def test_many_writers_and_a_rotating_drain(
    folder: Path, tmp_path: Path, database: Database, count: int, disturbed: bool
) -> None:
    """Nothing is lost, none comes twice, and each writer's events keep their order."""
    queue = open_queue(folder, tmp_path / "owa.db")
    writers = start_writers(folder, tmp_path, range(4), count)
    disturber = Thread(target=stop_and_go_on, args=([writer.pid for writer in writers],))
    if disturbed:
        disturber.start()
    drains, drained = 0, list[int]()
    while any(writer.is_alive() for writer in writers):
        found = drained_guids(drain_all(queue, database, limit=5_000))
        drained += found
        drains += bool(found)
    if disturbed:
        disturber.join()
    drained += drained_guids(drain_all(queue, database, limit=5_000))

    assert [writer.exitcode for writer in writers] == [0] * 4
    assert drains, "the drain did not run beside the writers"
    for number in range(4):
        mine = guids_of(number)
        assert [guid for guid in drained if guid in mine] == list(mine[:count])
    assert len(drained) == 4 * count


def start_writers(folder: Path, tmp_path: Path, numbers: Iterable[int], count: int) -> list[ForkServerProcess]:
    """Each notes what was accepted in a log: `accepted(tmp_path, number)`."""
    writers = [
        CONTEXT.Process(target=append, args=(folder, tmp_path / "owa.db", accepted(tmp_path, number), number, count))
        for number in numbers
    ]
    for writer in writers:
        writer.start()
    return writers


def accepted(tmp_path: Path, number: int) -> Path:
    return tmp_path / f"accepted-{number}"


def stop_and_go_on(pids: Sequence[int]) -> None:
    """Stop the processes at random instants, long enough for a drain: whatever one was about, it goes on with later.
    Ends when they have."""
    running = [os.pidfd_open(pid) for pid in pids]
    while running:
        send_all(running, signal.SIGSTOP)
        time.sleep(random.uniform(0, 0.01))
        send_all(running, signal.SIGCONT)
        time.sleep(random.uniform(0, 0.002))


def send_all(processes: list[int], what: signal.Signals) -> None:
    """Send a signal, and take those that have ended off the list."""
    for process in tuple(processes):
        try:
            signal.pidfd_send_signal(process, what)
        except ProcessLookupError:
            processes.remove(process)
            os.close(process)


def test_writers_that_are_killed_at_random(folder: Path, tmp_path: Path, database: Database) -> None:
    """Each event whose `put` returned is drained once; of the others, at most the one that was under way."""
    queue = open_queue(folder, tmp_path / "owa.db")
    drained: list[Entry] = []
    for first in range(0, 24, 3):
        numbers = range(first, first + 3)
        writers = start_writers(folder, tmp_path, numbers, count=10**6)
        wait_until(lambda numbers=numbers: all(noted(accepted(tmp_path, number)) for number in numbers))  # type: ignore[misc]
        draining = Thread(target=lambda: drained.extend(drain_all(queue, database)))
        draining.start()
        for writer in writers:
            time.sleep(random.uniform(0, 0.03))
            writer.kill()
        draining.join()
        for writer in writers:
            writer.join()
            assert writer.exitcode == -signal.SIGKILL
    drained += drain_all(queue, database)

    guids = drained_guids(drained)
    kept = {guid for number in range(24) for guid in noted(accepted(tmp_path, number))}
    assert len(guids) == len(set(guids))
    assert kept <= set(guids)
    assert len(guids) - len(kept) <= 24


def test_threads_share_the_syncs_of_a_durable_queue(
    folder: Path, tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    fdatasync = os.fdatasync

    def counted(descriptor: int) -> None:
        syncs.append(descriptor)
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    queue = open_queue(folder, tmp_path / "owa.db", fsync=True)

    def put(thread: int) -> None:
        for guid in guids_of(thread)[:100]:
            queue.put([make_event(guid=guid)])

    threads = [Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    drained: list[Entry] = []
    while any(thread.is_alive() for thread in threads):
        drained += drain_all(queue, database)
    drained += drain_all(queue, database)
    assert sorted(drained_guids(drained)) == [guid for number in range(8) for guid in guids_of(number)[:100]]
    assert 0 < len(syncs) < 800


# Drains


def test_a_drain_that_is_killed_while_it_waits_for_a_writer(folder: Path, tmp_path: Path, database: Database) -> None:
    """The writer has looked at the file's name, and writes when the file has long been rotated."""
    queue = open_queue(folder, tmp_path / "owa.db")
    queue.put([make_event(guid=1)])
    late = os.open(folder / "events.txt", os.O_WRONLY | os.O_APPEND)
    fcntl.flock(late, fcntl.LOCK_SH)
    killed = CONTEXT.Process(target=_drain_queue, args=(folder, tmp_path / "owa.db"))
    killed.start()
    wait_until(lambda: any((folder / "unprocessed").iterdir()))
    killed.kill()
    killed.join()

    drained: list[Entry] = []
    following = Thread(target=lambda: drained.extend(drain_all(queue, database)))
    following.start()
    following.join(0.3)
    os.write(late, encode(Record(make_event(guid=2), "late", 1)))
    os.close(late)
    following.join(30)
    assert drained_guids(drained) == [1, 2]


def _drain_queue(folder: Path, database: Path) -> None:
    drain_all(open_queue(folder, database), Database(f"sqlite:///{database}"))


def page_views(count: int) -> list[Event]:
    """Sessions of ten page views each."""
    return [
        make_event(
            guid=number + 1,
            site_id=site_id_of(DOMAIN),
            session_id=number // 10 + 1,
            properties={"page_url": f"{DOMAIN}/{number % 50}", "is_new_session": "true" if number % 10 == 0 else ""},
        )
        for number in range(count)
    ]


def processed(installation: Installation) -> int:
    with installation.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(REQUEST)).scalar_one())


def assert_each_stored_once(installation: Installation, count: int) -> None:
    with installation.database.reading() as connection:
        assert {row["outcome"]: row["count"] for row in stored(connection)} == {"processed": count}
        assert connection.execute(select(REQUEST.c.id).order_by(REQUEST.c.id)).scalars().all() == list(
            range(1, count + 1)
        )
        assert connection.execute(select(func.sum(SESSION.c.num_pageviews))).scalar_one() == count
        assert installation.retries.status(connection).details == {"waiting": 0, "retrying": 0, "failed": 0}
    assert installation.incoming.status().depth == 0


def test_drains_that_are_killed_on_their_way(installation: Installation) -> None:
    """The next drain goes on where the last commit was, whatever the instant of the kill."""
    count = 16_000
    for start in range(0, count, 4_000):
        installation.incoming.put(page_views(count)[start : start + 4_000])
    killed = 0
    for _ in range(3):
        if (before := processed(installation)) == count:
            break
        process = CONTEXT.Process(target=drain, args=(installation.data_dir,))
        process.start()
        wait_until(lambda before=before: processed(installation) > before)  # type: ignore[misc]
        process.join(random.uniform(0, 0.15))
        process.kill()
        process.join()
        killed += processed(installation) < count
    assert killed, "the drains were over before they were killed"
    drained = drain_events(installation.incoming, installation.processor)
    assert drained.outage is None
    assert_each_stored_once(installation, count)


def test_a_drain_that_wakes_late_changes_nothing(installation: Installation) -> None:
    """Another one has meanwhile stored what it had leased."""
    installation.incoming.put(page_views(20))
    with installation.incoming.drain() as source:
        stale = lease(source, 20)
    drain_events(installation.incoming, installation.processor)
    with pytest.raises(Overtaken):
        installation.processor.settle(stale)
    assert_each_stored_once(installation, 20)


# The database


class Away:
    """Ways for the database to be away: each begins with the call and ends with `back`."""

    def __init__(self, installation: Installation) -> None:
        self.database = installation.database
        self.path = installation.data_dir / "owa.db"
        self.back: Callable[[], object] = lambda: None

    def moved(self) -> None:
        self.database.close()
        self.path.rename(self.path.with_name("moved"))
        self.path.mkdir()

        def back() -> None:
            self.path.rmdir()
            self.path.with_name("moved").rename(self.path)

        self.back = back

    def not_installed(self) -> None:
        self.database.close()
        self.path.rename(self.path.with_name("moved"))

        def back() -> None:
            self.database.close()
            self.path.with_name("moved").rename(self.path)

        self.back = back

    def locked(self) -> None:
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        self.back = other.close

    def broken(self) -> None:
        self.database.close()
        whole = self.path.read_bytes()
        self.path.write_bytes(b"this is no database" * 1_000)

        def back() -> None:
            self.database.close()
            self.path.write_bytes(whole)

        self.back = back


@pytest.mark.parametrize("batches_before", [0, 1])
@pytest.mark.parametrize("way", ["moved", "not_installed", "locked", "broken"])
def test_the_database_goes_away(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, way: str, batches_before: int
) -> None:
    """The drain reports an outage, and nothing is failed; when the database is back, all is stored once."""
    monkeypatch.setattr("owa.processing.processor.WRITE_PATIENCE", 0.1)
    installation.incoming.put(page_views(5_000))
    away = Away(installation)

    leave = getattr(away, way)
    batches: list[int] = []

    def count(entries: int) -> None:
        batches.append(entries)
        if len(batches) == batches_before:
            leave()

    if not batches_before:
        leave()
    drained = drain_events(installation.incoming, installation.processor, progress=count)
    assert drained.outage is not None
    assert drained.outage.remedy
    assert (drained.report.processed, drained.report.failed) == (2_000 * batches_before, 0)
    installation.incoming.put(page_views(5_500)[5_000:])
    away.back()

    drained = drain_events(installation.incoming, installation.processor)
    assert drained.outage is None
    assert_each_stored_once(installation, 5_500)


def test_an_installation_that_is_opened_while_the_database_is_away_takes_events(tmp_path: Path) -> None:
    first = install(tmp_path / "data", DOMAIN)
    away = Away(first)
    away.moved()
    second = open_installation({"OWA_DATA_DIR": str(tmp_path / "data")}, {})
    second.incoming.put(page_views(10))
    second.close()
    away.back()
    with closing(first):
        assert drain_events(first.incoming, first.processor).report.processed == 10
