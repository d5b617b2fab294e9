"""A disk that is filled to the byte: what cannot be kept is refused, what was accepted is kept."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from owa.app import open_installation
from owa.db.configuration import add_site
from owa.db.engine import Database
from owa.db.migrate import upgrade
from owa.errors import QueueUnavailable
from owa.events import Entry
from owa.processing.drain import drain_events
from owa.queues.testing import acknowledged, drain_all
from tests.factories import make_event
from tests.faults.processes import (
    CONTEXT,
    append_until,
    drained_guids,
    make_database,
    noted,
    open_queue,
    wait_until,
)
from tests.faults.test_file_queue_faults import DOMAIN, assert_each_stored_once, page_views

SIZE = 2 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if mounted is None or mounted.returncode:
        why = "A full disk needs the right to mount a tmpfs (root)."
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Not on the full disk."""
    database = make_database(tmp_path / "owa.db")
    yield database
    database.close()


def fill(path: Path, most: int = SIZE) -> None:
    """Write until the disk is full."""
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while file.tell() < most:
            file.write(b"\0" * min(4_096, most - file.tell()))


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


class Writers:
    """Four processes that put events of several sizes, whatever they are answered."""

    def __init__(self, queue: Path, tmp_path: Path) -> None:
        self._stop = tmp_path / "stop"
        self._accepted = [tmp_path / f"accepted-{number}" for number in range(4)]
        self._refused = [tmp_path / f"refused-{number}" for number in range(4)]
        self._processes = [
            CONTEXT.Process(target=append_until, args=(self._stop, queue, tmp_path / "owa.db", yes, no, number))
            for number, (yes, no) in enumerate(zip(self._accepted, self._refused, strict=True))
        ]
        for process in self._processes:
            process.start()

    def wait_until_refused(self) -> None:
        """Until each writer was refused once more."""
        self._wait_until_longer(self._refused)

    def wait_until_accepted(self) -> None:
        self._wait_until_longer(self._accepted)

    def stop(self) -> None:
        self._stop.touch()
        for process in self._processes:
            process.join()
            assert process.exitcode == 0

    def accepted(self) -> set[int]:
        return {guid for log in self._accepted for guid in noted(log)}

    def refused(self) -> set[int]:
        return {guid for log in self._refused for guid in noted(log)}

    def _wait_until_longer(self, logs: list[Path]) -> None:
        before = [len(noted(log)) for log in logs]
        wait_until(lambda: all(len(noted(log)) > count for log, count in zip(logs, before, strict=True)))


def test_a_disk_that_is_filled_freed_and_filled_again(disk: Path, tmp_path: Path, database: Database) -> None:
    queue = open_queue(disk / "logs", tmp_path / "owa.db")
    fill(disk / "ballast", SIZE // 2)
    writers = Writers(disk / "logs", tmp_path)
    drained: list[Entry] = []

    writers.wait_until_refused()
    (disk / "ballast").unlink()
    writers.wait_until_accepted()
    writers.wait_until_refused()
    assert free(disk) == 0

    for _ in range(3):  # a drain needs no space, and makes some
        drained += drain_all(queue, database)
        for segment in (disk / "logs" / "quarantine").iterdir():  # kept for the admin, who looks and removes it
            segment.unlink()
        writers.wait_until_accepted()
        writers.wait_until_refused()
    writers.stop()
    drained += drain_all(queue, database)

    guids = drained_guids(drained)
    accepted, refused = writers.accepted(), writers.refused()
    assert len(accepted) > 100
    assert len(refused) > 16
    assert len(guids) == len(set(guids))
    assert accepted <= set(guids)
    assert set(guids) - accepted <= refused, "a refused event may be there whole, when just its newline was cut off"


def test_only_what_was_cut_off_is_quarantined(disk: Path, tmp_path: Path, database: Database) -> None:
    """Two of the records fit into the page of 4,096 bytes that the file has, the third one does not."""
    queue = open_queue(disk / "logs", tmp_path / "owa.db")
    first, second, third, fourth = (make_event(guid=n, properties={"page_title": "x" * 1_300}) for n in range(1, 5))
    queue.put([first])
    length = (disk / "logs" / "events.txt").stat().st_size
    fill(disk / "ballast")
    queue.put([second])
    with pytest.raises(QueueUnavailable, match="disk is full"):
        queue.put([third])
    with pytest.raises(QueueUnavailable, match="No space left"):
        queue.put([third])
    (disk / "ballast").unlink()
    queue.put([fourth])
    with queue.drain() as source:
        (batch,) = acknowledged(source, database, 1_000)
    (part,) = batch.quarantined
    assert batch.entries == (first, second, fourth)
    assert (part.offset, part.length) == (2 * length, 4_096 - 2 * length)


def test_the_database_is_on_a_full_disk(disk: Path, tmp_path: Path) -> None:
    """An outage: nothing is failed, and all is stored once when there is space again."""
    environment = {"OWA_DATA_DIR": str(tmp_path / "data"), "OWA_DATABASE_URL": f"sqlite:///{disk / 'owa.db'}"}
    installation = open_installation(environment, {})
    upgrade(installation.database)
    with installation.database.writing() as connection:
        add_site(connection, DOMAIN)
    installation.incoming.put(page_views(1_000))
    fill(disk / "ballast")
    assert free(disk) == 0

    drained = drain_events(installation.incoming, installation.processor)
    assert drained.outage is not None
    assert "full" in str(drained.outage)
    assert (drained.report.processed, drained.report.failed) == (0, 0)

    (disk / "ballast").unlink()
    drained = drain_events(installation.incoming, installation.processor)
    assert drained.outage is None
    assert_each_stored_once(installation, 1_000)
    installation.close()
