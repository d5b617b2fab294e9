"""The promises of an `EventQueue`."""

import os
import signal
import socket
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.errors import HeldByAnother, Overtaken
from owa.events import Entry, Event, Refusal, RefusalReason
from owa.queues.contract import Batch, EventQueue, SearchableQueue, Source
from owa.queues.testing.samples import AWKWARD_TEXTS, START, sample_event, sample_events, sample_refusal

OpenQueue = Callable[[], EventQueue]
"""Opens the queue under test: the same one at each call, as another process would open it."""


def drain_all(queue: EventQueue, database: Database, limit: int = 1_000) -> list[Entry]:
    """What a drain of the whole queue gives out, each batch acknowledged."""
    with queue.drain() as source:
        return [entry for batch in acknowledged(source, database, limit) for entry in batch.entries]


def acknowledged(source: Source, database: Database, limit: int) -> Iterator[Batch]:
    """The batches of `source`, each acknowledged before it is given out."""
    while batch := source.lease(limit):
        acknowledge(batch, database)
        yield batch


def acknowledge(batch: Batch, database: Database) -> None:
    with database.writing() as connection:
        batch.acknowledge(connection)


def lease(source: Source, limit: int) -> Batch:
    """A batch from a queue that is not empty."""
    batch = source.lease(limit)
    assert batch is not None, "the queue says that it is empty"
    return batch


class EventQueueContract:
    """The promises of `owa.queues.contract.EventQueue`, one test or more for each."""

    in_one_process = False
    """Set it for a queue that lives in one process: tests that need a second one are skipped."""

    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        """Takes the acknowledgements. Override it to test with another kind of database."""
        database = Database(f"sqlite:///{tmp_path / 'contract.db'}")
        os.register_at_fork(after_in_child=database.forget_connections)
        with database.writing() as connection:
            METADATA.create_all(connection)
        yield database
        database.close()

    @pytest.fixture
    def open_queue(self) -> OpenQueue:
        """To be overridden."""
        raise NotImplementedError("A subclass says how its queue is opened, by the fixture open_queue.")

    @pytest.fixture
    def queue(self, open_queue: OpenQueue) -> Iterator[EventQueue]:
        queue = open_queue()
        yield queue
        queue.close()

    @pytest.fixture
    def needs_processes(self) -> None:
        if self.in_one_process:
            pytest.skip("This queue lives in one process.")

    # Putting and leasing

    def test_a_drain_ends_though_events_keep_coming(self, queue: EventQueue, database: Database) -> None:
        first, *others = sample_events(20)
        queue.put([first])
        with queue.drain() as source:
            for coming in others:
                batch = source.lease(10)
                if batch is None:
                    break
                acknowledge(batch, database)
                queue.put([coming])
            else:
                pytest.fail("A drain that is as fast as the sites never ends.")
        drain_all(queue, database)  # the rest is there for the next ones
        assert queue.status().depth == 0

    def test_an_empty_queue(self, queue: EventQueue, database: Database) -> None:
        assert drain_all(queue, database) == []
        assert queue.latest(10) == []
        status = queue.status()
        assert (status.depth, status.oldest_at) == (0, None)

    def test_entries_come_out_complete_and_in_the_order_they_went_in(
        self, queue: EventQueue, database: Database
    ) -> None:
        entries: list[Entry] = [sample_event(0), sample_event(1), sample_refusal(), sample_event(2)]
        queue.put(entries[:3])
        queue.put(entries[3:])
        assert drain_all(queue, database) == entries

    def test_putting_nothing_is_harmless(self, queue: EventQueue, database: Database) -> None:
        queue.put([])
        assert drain_all(queue, database) == []

    def test_a_clean_queue_has_nothing_to_quarantine(self, queue: EventQueue) -> None:
        queue.put(sample_events(3))
        with queue.drain() as source:
            assert lease(source, 10).quarantined == ()

    def test_each_kind_of_refusal_travels_too(self, queue: EventQueue, database: Database) -> None:
        refusals = [Refusal(reason, "", START, server=999) for reason in RefusalReason]
        queue.put(refusals)
        assert drain_all(queue, database) == refusals

    @pytest.mark.parametrize("text", AWKWARD_TEXTS, ids=range(len(AWKWARD_TEXTS)))
    def test_awkward_texts(self, queue: EventQueue, database: Database, text: str) -> None:
        event = sample_event(0, text)
        awkward = Event(
            guid=2**63 - 1,
            event_type=event.event_type + text[:100],
            site_id=text[:100],
            visitor_id=2**63 - 1,
            session_id=1,
            received_at=START,
            server=0,
            properties={text: text, "list": [text, {"deep": text}], "yes": True, "none": None, "half": 0.5},
        )
        entries: list[Entry] = [awkward, Refusal(RefusalReason.ROBOT, text[:100], START, 0, detail=text), event]
        queue.put(entries)
        assert drain_all(queue, database) == entries

    def test_a_batch_has_at_most_as_many_entries_as_asked_for(self, queue: EventQueue, database: Database) -> None:
        queue.put(sample_events(10))
        with queue.drain() as source:
            sizes = [len(batch.entries) for batch in acknowledged(source, database, 4)]
        assert max(sizes) <= 4
        assert sum(sizes) == 10

    def test_ten_thousand_events_in_several_batches(self, queue: EventQueue, database: Database) -> None:
        events = sample_events(10_000)
        for start in range(0, len(events), 700):
            queue.put(events[start : start + 700])
        assert drain_all(queue, database, limit=3_000) == events

    def test_threads_put_at_the_same_time(self, queue: EventQueue, database: Database) -> None:
        events = sample_events(800)

        def put(mine: Sequence[Event]) -> None:
            for event in mine:
                queue.put([event])

        threads = [Thread(target=put, args=(events[start::8],)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        drained = [entry for entry in drain_all(queue, database) if isinstance(entry, Event)]
        assert sorted(drained, key=lambda event: event.guid) == events

    def test_the_queue_can_be_opened_twice(self, queue: EventQueue, open_queue: OpenQueue, database: Database) -> None:
        other = open_queue()
        queue.put([sample_event(0)])
        other.put([sample_event(1)])
        queue.put([sample_event(2)])
        assert drain_all(other, database) == sample_events(3)
        other.close()

    def test_a_closed_queue_keeps_its_events(
        self, queue: EventQueue, open_queue: OpenQueue, database: Database
    ) -> None:
        queue.put(sample_events(3))
        queue.close()
        assert drain_all(open_queue(), database) == sample_events(3)

    # Acknowledging

    def test_a_batch_that_is_not_acknowledged_comes_again(self, queue: EventQueue, database: Database) -> None:
        queue.put(sample_events(3))
        with queue.drain() as source:
            assert len(lease(source, 2).entries) == 2
        assert drain_all(queue, database) == sample_events(3)

    def test_a_batch_that_was_rolled_back_comes_again_in_the_same_drain(
        self, queue: EventQueue, database: Database
    ) -> None:
        queue.put(sample_events(5))
        with queue.drain() as source:
            acknowledge(lease(source, 2), database)
            batch = lease(source, 2)
            with suppress(ZeroDivisionError), database.writing() as connection:
                batch.acknowledge(connection)
                raise ZeroDivisionError
            again = [entry for batch in acknowledged(source, database, 2) for entry in batch.entries]
        assert again == sample_events(5)[2:]

    def test_an_acknowledged_batch_never_comes_again(
        self, queue: EventQueue, open_queue: OpenQueue, database: Database
    ) -> None:
        queue.put(sample_events(5))
        with queue.drain() as source:
            acknowledge(lease(source, 3), database)
        assert drain_all(open_queue(), database) == sample_events(5)[3:]
        assert drain_all(queue, database) == []

    def test_events_that_come_during_a_drain_are_kept(self, queue: EventQueue, database: Database) -> None:
        queue.put([sample_event(0)])
        found: list[Entry] = []
        with queue.drain() as source:
            for batch in acknowledged(source, database, 1):
                if not found:
                    queue.put(sample_events(4)[1:])
                found += batch.entries
        assert found + drain_all(queue, database) == sample_events(4)

    @pytest.mark.parametrize("others", [1, 2, 3], ids=["fewer", "as many", "more"])
    def test_a_stale_acknowledge_is_overtaken_and_changes_nothing(
        self, queue: EventQueue, open_queue: OpenQueue, database: Database, others: int
    ) -> None:
        queue.put(sample_events(5))
        with queue.drain() as source:
            stale = lease(source, 2)
        with open_queue().drain() as source:
            acknowledge(lease(source, others), database)
        with pytest.raises(Overtaken):
            acknowledge(stale, database)
        assert drain_all(queue, database) == sample_events(5)[others:]

    def test_an_acknowledge_after_the_end_of_another_drain_is_overtaken(
        self, queue: EventQueue, open_queue: OpenQueue, database: Database
    ) -> None:
        """By then the other drain may have tidied up all that was known of the batch."""
        queue.put(sample_events(2))
        with queue.drain() as source:
            stale = lease(source, 2)
        assert drain_all(open_queue(), database) == sample_events(2)
        with pytest.raises(Overtaken):
            acknowledge(stale, database)
        queue.put([sample_event(2)])
        with pytest.raises(Overtaken):
            acknowledge(stale, database)
        assert drain_all(queue, database) == [sample_event(2)]

    # One drain at a time

    def test_a_second_drain_is_told_that_the_queue_is_held(self, queue: EventQueue, open_queue: OpenQueue) -> None:
        other = open_queue()
        with queue.drain():
            with pytest.raises(HeldByAnother), other.drain():
                pass
            started = time.monotonic()
            with pytest.raises(HeldByAnother), other.drain(wait=0.2):
                pass
            assert time.monotonic() - started >= 0.2
        with other.drain():
            pass

    def test_a_second_drain_waits_for_the_first(self, queue: EventQueue, open_queue: OpenQueue) -> None:
        other, entered = open_queue(), Flag()

        def drain() -> None:
            with other.drain(wait=30):
                entered.set()

        with queue.drain():
            thread = Thread(target=drain)
            thread.start()
            assert not entered.wait(0.2)
        assert entered.wait(30)
        thread.join()

    def test_a_drain_that_raised_frees_the_queue(self, queue: EventQueue, database: Database) -> None:
        queue.put(sample_events(2))
        with suppress(ZeroDivisionError), queue.drain() as source:
            lease(source, 1)
            raise ZeroDivisionError
        assert drain_all(queue, database) == sample_events(2)

    @pytest.mark.usefixtures("needs_processes")
    def test_the_death_of_its_holder_frees_the_queue(
        self, queue: EventQueue, open_queue: OpenQueue, database: Database
    ) -> None:
        queue.put(sample_events(5))
        held = ExitStack()

        def acknowledge_some_and_lease_more() -> None:
            source = held.enter_context(open_queue().drain())
            acknowledge(lease(source, 2), database)
            lease(source, 2)

        with killed_at_the_end(acknowledge_some_and_lease_more), pytest.raises(HeldByAnother), queue.drain():
            pass
        assert drain_all(queue, database) == sample_events(5)[2:]

    @pytest.mark.usefixtures("needs_processes")
    def test_what_was_put_survives_the_death_of_its_process(
        self, queue: EventQueue, open_queue: OpenQueue, database: Database
    ) -> None:
        with killed_at_the_end(lambda: open_queue().put(sample_events(3))):
            pass
        assert drain_all(queue, database) == sample_events(3)

    @pytest.mark.usefixtures("needs_processes")
    def test_a_queue_can_be_used_on_both_sides_of_a_fork(self, queue: EventQueue, database: Database) -> None:
        queue.put([sample_event(0)])
        with killed_at_the_end(lambda: queue.put([sample_event(1)])):
            queue.put([sample_event(2)])
        assert drain_all(queue, database) == sample_events(3)

    # For the admin's eye

    def test_status_counts_events_and_tells_the_oldest(
        self, queue: EventQueue, open_queue: OpenQueue, database: Database
    ) -> None:
        queue.put([sample_refusal(), *sample_events(3)])
        status = open_queue().status()
        assert (status.depth, status.oldest_at) == (3, START)
        with queue.drain() as source:
            acknowledge(lease(source, 3), database)
        status = queue.status()
        assert (status.depth, status.oldest_at) == (1, sample_event(2).received_at)
        drain_all(queue, database)
        status = queue.status()
        assert (status.depth, status.oldest_at) == (0, None)

    def test_many_refusals_do_not_hide_the_oldest_event(self, queue: EventQueue) -> None:
        queue.put([sample_refusal(number) for number in range(500)])
        queue.put([sample_event(1)])
        status = queue.status()
        assert (status.depth, status.oldest_at) == (1, sample_event(1).received_at)

    def test_a_look_leaves_the_queue_as_it_was(self, queue: EventQueue, database: Database) -> None:
        queue.put(sample_events(3))
        queue.latest(2)
        queue.status()
        assert drain_all(queue, database) == sample_events(3)

    def test_latest_are_those_put_last_and_not_yet_drained(self, queue: EventQueue, database: Database) -> None:
        events = sample_events(5)
        queue.put(events[:3])
        queue.put([sample_refusal(), *events[3:]])
        assert queue.latest(2) == [events[4], events[3]]
        with queue.drain() as source:
            acknowledge(lease(source, 2), database)
        queue.put([sample_event(5)])
        assert queue.latest(10) == sample_events(6)[:1:-1]
        drain_all(queue, database)
        assert queue.latest(10) == []

    def test_an_event_is_found_until_it_is_drained(self, open_queue: OpenQueue, database: Database) -> None:
        queue = open_queue()
        if not isinstance(queue, SearchableQueue):
            pytest.skip("this queue does not offer to look for single events")
        events = [sample_event(number, text) for number, text in enumerate(AWKWARD_TEXTS)]
        queue.put(events[:4])
        with queue.drain() as source:
            acknowledge(lease(source, 2), database)
        queue.put([sample_refusal(), *events[4:]])
        for number, event in enumerate(events):
            sought = queue.find(event.guid, 1 << 30)
            assert (sought.event, bool(sought.where)) == ((event, True) if number > 1 else (None, False))
            assert sought.is_whole
        assert queue.find(99, 1 << 30).event is None
        assert queue.find(1, 1 << 30).event is None  # which is how other numbers begin
        drain_all(queue, database)
        assert queue.find(events[-1].guid, 1 << 30).event is None


@contextmanager
def killed_at_the_end(work: Callable[[], object]) -> Iterator[None]:
    """A forked process has done `work` when the block begins, and is killed (-9) when it ends."""
    ours, theirs = socket.socketpair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests: the child calls none of them
        pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            work()
            theirs.send(b"done")
            theirs.recv(1)  # until it is killed, or the test process is gone
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    theirs.close()
    try:
        assert ours.recv(4) == b"done", "the child process failed; see standard error"
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        ours.close()
