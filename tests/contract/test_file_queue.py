import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from owa.clock import SystemClock
from owa.contributions import INCOMING, QueueContext
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.errors import QueueUnavailable, UsageError
from owa.modules.file_queue import open_copied as open_copied_file
from owa.modules.file_queue import open_file_queue
from owa.queues.contract import EventQueue, Sought
from owa.queues.files.folder import Folder
from owa.queues.records import decode
from owa.queues.settings import ARCHIVE_OLD_EVENTS, DURABILITY
from owa.queues.testing import (
    EventQueueContract,
    OpenQueue,
    acknowledge,
    drain_all,
    killed_at_the_end,
    lease,
    sample_event,
    sample_events,
    sample_refusal,
)
from owa.settings import Settings


class TestFileQueue(EventQueueContract):
    """The contract, and what only a queue in files promises."""

    durability = "os"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "logs"

    @pytest.fixture
    def open_queue(self, folder: Path, database: Database) -> OpenQueue:
        return lambda: open_file_queue(self.context(folder, database))

    def context(self, folder: Path, database: Database, *, archive: bool = True) -> QueueContext:
        settings = Settings({DURABILITY.name: self.durability, ARCHIVE_OLD_EVENTS.name: archive})
        return QueueContext(INCOMING, settings, database, SystemClock(), folder)

    def test_a_drained_file_is_archived_and_pruned_by_its_age_there(
        self, queue: EventQueue, folder: Path, database: Database
    ) -> None:
        for number in range(2):
            queue.put([sample_event(number)])
            drain_all(queue, database)
        old, young = sorted((folder / "archive").iterdir())
        hour_ago = time.time() - 3_600
        os.utime(old, (hour_ago, hour_ago))
        assert Folder(folder, SystemClock(), durable=False).prune(older_than=3_000) == 1
        assert list((folder / "archive").iterdir()) == [young]
        assert list((folder / "unprocessed").iterdir()) == []

    def test_a_drained_file_is_deleted_where_archiving_is_off(self, folder: Path, database: Database) -> None:
        queue = open_file_queue(self.context(folder, database, archive=False))
        queue.put(sample_events(2))
        assert drain_all(queue, database) == sample_events(2)
        assert not list(folder.glob("**/*.txt"))

    def test_foreign_bytes_are_quarantined_once_and_their_file_is_kept(
        self, queue: EventQueue, folder: Path, database: Database
    ) -> None:
        queue.put([sample_event(0)])
        with (folder / "events.txt").open("ab") as file:
            at = file.tell()
            file.write(b"what is this?\n")
        queue.put([sample_event(1)])
        with queue.drain() as source:
            assert len(lease(source, 10).quarantined) == 1  # not acknowledged: nothing is noted yet
            assert queue.status().details["quarantined"] == 0
            batch = lease(source, 10)
            acknowledge(batch, database)
            assert source.lease(10) is None
        (part,) = batch.quarantined
        assert batch.entries == (sample_event(0), sample_event(1))
        assert (part.offset, part.length, part.excerpt) == (at, 13, "what is this?")
        assert queue.status().details["quarantined"] == 1
        Folder(folder, SystemClock(), durable=False).prune(older_than=0)
        (kept,) = (folder / "quarantine").iterdir()
        assert kept.read_bytes()[part.offset :].startswith(b"what is this?")
        assert part.segment == kept.name

    def test_status_with_the_database_away_counts_what_is_in_the_files(
        self, queue: EventQueue, folder: Path, database: Database, tmp_path: Path
    ) -> None:
        queue.put(sample_events(3))
        with queue.drain() as source:
            acknowledge(lease(source, 2), database)
        queue.put([sample_event(3)])
        assert (queue.status().depth, queue.status().details) == (2, {"segments": 1, "quarantined": 0})
        away = open_file_queue(self.context(folder, Database(f"sqlite:///{tmp_path / 'away' / 'owa.db'}")))
        assert (away.status().depth, away.status().details) == (4, {"segments": 1})
        assert away.status().oldest_at == sample_event(0).received_at

    def test_events_are_not_read_again_when_their_file_could_not_be_filed(
        self, queue: EventQueue, folder: Path, database: Database
    ) -> None:
        """A crash between the commit and the move of the file."""
        queue.put(sample_events(3))
        with queue.drain() as source:
            acknowledge(lease(source, 10), database)
        assert len(list((folder / "unprocessed").iterdir())) == 1
        assert queue.status().depth == 0
        queue.put([sample_event(3)])
        assert drain_all(queue, database) == [sample_event(3)]
        assert list((folder / "unprocessed").iterdir()) == []

    def test_segments_are_named_after_the_queue(self, folder: Path, database: Database) -> None:
        first, second = (open_file_queue(self.context(folder / name, database)) for name in "ab")
        identities = [(folder / name / "queue.id").read_text().strip() for name in "ab"]
        assert identities[0] != identities[1]
        first.put([sample_event(0)])
        drain_all(first, database)
        (segment,) = (folder / "a" / "archive").iterdir()
        assert identities[0] in segment.name
        second.put([sample_event(1)])
        assert drain_all(second, database) == [sample_event(1)]

    def test_a_forked_child_counts_its_records_under_a_name_of_its_own(self, queue: EventQueue, folder: Path) -> None:
        """Else two records would have one number, and a lost one could not be told."""
        queue.put([sample_event(0)])
        with killed_at_the_end(lambda: queue.put([sample_event(1)])):
            queue.put([sample_event(2)])
        lines = (folder / "events.txt").read_bytes().splitlines()
        records = {(record.writer, record.sequence) for record in (decode(line[1:]) for line in lines)}
        assert len(records) == 3

    def test_a_queue_keeps_its_identity(self, queue: EventQueue, open_queue: OpenQueue, folder: Path) -> None:
        identity = (folder / "queue.id").read_text()
        open_queue()
        assert (folder / "queue.id").read_text() == identity

    def test_an_unusable_folder_is_an_outage_that_names_it(self, tmp_path: Path, database: Database) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(QueueUnavailable, match=str(tmp_path / "file")):
            open_file_queue(self.context(tmp_path / "file", database))

    def test_a_folder_that_went_away_is_made_anew(self, queue: EventQueue, folder: Path, database: Database) -> None:
        queue.put([sample_event(0)])
        folder.rename(folder.with_name("away"))
        queue.put([sample_event(1)])
        assert drain_all(queue, database) == [sample_event(1)]

    def test_something_in_the_folders_way_is_an_outage_until_it_is_gone(
        self, queue: EventQueue, folder: Path, database: Database
    ) -> None:
        queue.put([sample_event(0)])
        folder.rename(folder.with_name("away"))
        folder.write_text("in the way")
        for act in (lambda: queue.put([sample_event(1)]), queue.check, lambda: queue.drain().__enter__()):
            with pytest.raises(QueueUnavailable):
                act()
        folder.unlink()
        folder.with_name("away").rename(folder)
        queue.check()
        queue.put([sample_event(2)])
        assert drain_all(queue, database) == [sample_event(0), sample_event(2)]

    def test_a_copied_file_is_drained_and_left_as_it_is(
        self, queue: EventQueue, folder: Path, tmp_path: Path, database: Database
    ) -> None:
        queue.put([*sample_events(3), sample_refusal()])
        path = tmp_path / "copied.txt"
        path.write_bytes((folder / "events.txt").read_bytes() + b"cut off")
        copied = open_copied_file(self.context(folder, database), path)
        assert copied.status().depth == 3
        for _ in range(2):  # positions are not kept: guids make a second drain harmless
            copied = open_copied_file(self.context(folder, database), path)
            assert drain_all(copied, database, limit=2) == sample_events(3)  # the other server counts the refusal
        assert path.exists()
        assert drain_all(queue, database) == [*sample_events(3), sample_refusal()]

    def test_an_own_or_unreadable_file_is_no_copied_file(
        self, queue: EventQueue, folder: Path, tmp_path: Path, database: Database
    ) -> None:
        queue.put([sample_event(0)])
        for path in (folder / "events.txt", tmp_path / "missing"):
            with pytest.raises(UsageError, match=path.name):
                open_copied_file(self.context(folder, database), path)


class TestFileQueueThatSurvivesPowerLoss(TestFileQueue):
    durability = "fsync"


def test_a_search_in_a_long_queue_begins_where_the_moment_of_an_event_leads_to(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    with database.writing() as connection:
        METADATA.create_all(connection)
    settings = Settings({DURABILITY.name: "os", ARCHIVE_OLD_EVENTS.name: True})
    queue = open_file_queue(QueueContext(INCOMING, settings, database, SystemClock(), tmp_path))
    first = 1_795_262_400
    events = [replace(sample_event(0, "x" * 1_000), guid=(first + number) * 10**9 + 7) for number in range(3_000)]
    queue.put(events)
    for event in (events[0], events[1_700], events[-1]):
        assert queue.find(event.guid, 1 << 18) == Sought(event, "events.txt", is_whole=True)
    assert queue.find(events[1_700].guid + 1, 1 << 18) == Sought(None, "", is_whole=False)
    assert queue.find(events[1_700].guid + 1, 1 << 30) == Sought(None, "", is_whole=True)
    queue.close()
    database.close()


def test_search_reads_no_more_than_it_may(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    with database.writing() as connection:
        METADATA.create_all(connection)
    settings = Settings({DURABILITY.name: "os", ARCHIVE_OLD_EVENTS.name: True})
    queue = open_file_queue(QueueContext(INCOMING, settings, database, SystemClock(), tmp_path))
    events = [sample_event(number, "x" * 10_000) for number in range(300)]  # several blocks
    queue.put(events)
    assert queue.find(events[-1].guid, 1 << 30).event == events[-1]
    assert queue.find(events[-1].guid, 1 << 20) == Sought(None, "", is_whole=False)
    assert queue.find(events[5].guid, 1 << 20).event == events[5]
    queue.close()
    database.close()
