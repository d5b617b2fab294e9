"""A queue that changes under the hands of its users keeps the promises of a queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from owa.clock import SystemClock
from owa.contributions import INCOMING, QueueContext
from owa.db.engine import Database
from owa.errors import HeldByAnother, QueueUnavailable
from owa.modules.file_queue import open_file_queue
from owa.queues.contract import Batch, Source
from owa.queues.memory import MemoryQueue
from owa.queues.settings import ARCHIVE_OLD_EVENTS, DURABILITY
from owa.queues.switched import SwitchedQueue
from owa.queues.testing import EventQueueContract, OpenQueue, acknowledged, drain_all, sample_event, sample_events
from owa.settings import Settings


class TestSwitchedQueue(EventQueueContract):
    """Over a file queue, with a former one that is empty."""

    @pytest.fixture
    def open_queue(self, tmp_path: Path, database: Database) -> OpenQueue:
        settings = Settings({DURABILITY.name: "os", ARCHIVE_OLD_EVENTS.name: True})

        def opened(folder: Path) -> QueueContext:
            return QueueContext(INCOMING, settings, database, SystemClock(), folder)

        former = MemoryQueue()
        return lambda: SwitchedQueue(open_file_queue(opened(tmp_path / "logs")), [former])


class TestSwitchedQueueThatWasSwitched(EventQueueContract):
    in_one_process = True

    @pytest.fixture
    def open_queue(self) -> OpenQueue:
        queue = SwitchedQueue(MemoryQueue())
        queue.use(MemoryQueue(), [queue.sink, MemoryQueue()])
        return lambda: queue


class TestSwitchedQueueThatIsLeft(EventQueueContract):
    """Over one whose former queue is leaving, and empty."""

    in_one_process = True

    @pytest.fixture
    def open_queue(self) -> OpenQueue:
        queue = SwitchedQueue(MemoryQueue(), [], [MemoryQueue()])
        return lambda: queue


class AwayQueue(MemoryQueue):
    """Is away from a certain step of a drain on."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    @contextmanager
    def drain(self, wait: float = 0.0) -> Iterator[Source]:
        if self._at == "drain":
            raise QueueUnavailable("It is away.")
        yield AwaySource()


class AwaySource:
    def lease(self, limit: int) -> Batch | None:
        raise QueueUnavailable("It is away.")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    yield database
    database.close()


def test_new_events_go_to_the_new_sink_and_the_former_one_is_drained_too(database: Database) -> None:
    former, sink = MemoryQueue(), MemoryQueue()
    queue = SwitchedQueue(former)
    queue.put([sample_event(0)])
    queue.use(sink, [former])
    queue.put([sample_event(1)])
    assert (former.latest(9), sink.latest(9)) == ([sample_event(0)], [sample_event(1)])
    assert (queue.sink, queue.former) == (sink, (former,))
    assert queue.status().depth == 2
    assert queue.status().oldest_at == sample_event(0).received_at
    assert queue.latest(9) == [sample_event(1), sample_event(0)]
    assert sum(queue.pending().events.values()) == 2
    assert drain_all(queue, database) == [sample_event(1), sample_event(0)]
    assert drain_all(queue, database) == []


def test_what_a_leaving_queue_holds_is_for_its_successor(database: Database) -> None:
    leaving, sink = MemoryQueue(), MemoryQueue()
    queue = SwitchedQueue(sink, [], [leaving])
    leaving.put(sample_events(2))
    sink.put([sample_event(2)])
    assert queue.status().depth == 3
    assert sum(queue.pending().events.values()) == 3
    with queue.drain() as source:
        found = [(batch.entries, batch.successor) for batch in acknowledged(source, database, 9)]
    assert found == [(tuple(sample_events(2)), sink), ((sample_event(2),), None)]


def test_a_queue_that_leaves_no_more_is_let_alone(database: Database) -> None:
    leaving, sink, later = MemoryQueue(), MemoryQueue(), MemoryQueue()
    queue = SwitchedQueue(sink, [], [leaving])
    leaving.put(sample_events(3))
    with queue.drain() as source:
        batches = acknowledged(source, database, 1)
        assert next(batches).successor is sink
        queue.use(later, [sink], [leaving])
        assert next(batches).successor is later
        queue.use(leaving, [later])
        assert list(batches) == []
    assert leaving.latest(9) == [sample_event(2)]


def test_a_queue_that_is_left_is_let_alone(database: Database) -> None:
    queue, parked = SwitchedQueue(MemoryQueue()), MemoryQueue()
    parked.put([sample_event(0)])
    queue.use(parked)
    queue.use(MemoryQueue())
    assert queue.status().depth == 0
    assert drain_all(queue, database) == []
    assert parked.latest(9) == [sample_event(0)]


def test_a_switch_during_a_drain_counts_for_the_next_one(database: Database) -> None:
    queue, sink = SwitchedQueue(MemoryQueue()), MemoryQueue()
    queue.put(sample_events(4))
    with queue.drain() as source:
        found: list[object] = []
        for batch in acknowledged(source, database, 1):
            found += batch.entries
            queue.use(sink, [queue.former[0] if queue.former else queue.sink])
            if len(found) == 2:
                queue.put([sample_event(4)])
    assert found == sample_events(4)
    assert drain_all(queue, database) == [sample_event(4)]


def test_a_former_queue_that_another_drain_holds_is_passed_over(database: Database) -> None:
    held, other, sink = MemoryQueue(), MemoryQueue(), MemoryQueue()
    queue = SwitchedQueue(sink, [held, other])
    for number, one in enumerate((held, other, sink)):
        one.put([sample_event(number)])
    with held.drain():
        assert drain_all(queue, database) == [sample_event(2), sample_event(1)]
    assert drain_all(queue, database) == [sample_event(0)]


def test_a_sink_that_another_drain_holds_is_told(database: Database) -> None:
    former = MemoryQueue()
    queue = SwitchedQueue(MemoryQueue(), [former])
    with queue.sink.drain(), pytest.raises(HeldByAnother), queue.drain():
        pass
    with former.drain():
        pass


def drained(source: Source, database: Database) -> list[object]:
    """What comes before the queue is away; that it is must be told."""
    batches = acknowledged(source, database, 1)
    found: list[object] = []
    try:
        for batch in batches:
            found += batch.entries
    except QueueUnavailable:
        return found
    raise AssertionError("it does not tell that it is away")


@pytest.mark.parametrize("at", ["drain", "lease"])
def test_a_former_queue_that_is_away_keeps_nobody_else_from_being_drained(database: Database, at: str) -> None:
    """At the end it is told: the queue is not empty, and nothing in it has waited in vain."""
    away, other, sink = AwayQueue(at), MemoryQueue(), MemoryQueue()
    queue = SwitchedQueue(sink, [away, other])
    other.put(sample_events(2))
    sink.put([sample_event(2)])
    with queue.drain() as source:
        assert drained(source, database) == [sample_event(2), *sample_events(2)]
    with queue.drain() as source:  # nothing is held any more
        assert drained(source, database) == []


def test_a_sink_that_is_away_keeps_the_former_ones_from_nothing(database: Database) -> None:
    former = MemoryQueue()
    former.put(sample_events(2))
    with SwitchedQueue(AwayQueue("lease"), [former]).drain() as source:
        assert drained(source, database) == sample_events(2)
