"""The retry queue in the database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, update

from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.modules.database_queue.queue import DatabaseQueue
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.queues.contract import FailedFilter, RetryQueue
from owa.queues.testing import RetryQueueContract, sample_events
from owa.queues.testing.given import NOW, failure, guids, lease
from tests.postgresql import NewUrl


class TestDatabaseQueue(RetryQueueContract):
    @pytest.fixture
    def database(self, new_url: NewUrl) -> Iterator[Database]:
        database = Database(new_url())
        with database.writing() as connection:
            METADATA.create_all(connection)
        yield database
        database.close()

    @pytest.fixture
    def queue(self) -> RetryQueue:
        return DatabaseQueue()

    def test_unreadable_rows_are_given_up_with_the_reason_and_hold_up_nobody(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        events = sample_events(6)
        queue.keep(connection, [failure(event) for event in events], NOW)
        for event, text in ((events[1], b'{"v": 99}'), (events[2], b"\xff"), (events[4], b"")):
            connection.execute(update(QUEUE_ITEM).where(QUEUE_ITEM.c.id == event.guid).values(event=text))
        claim = lease(queue, connection, NOW + 30)
        assert sorted(guids(claim.items)) == [events[n].guid for n in (0, 3, 5)]
        assert len(claim.unreadable) == 3
        broken = connection.execute(QUEUE_ITEM.select().where(QUEUE_ITEM.c.status == "broken")).mappings().all()
        reasons = {row["id"]: row["last_error_msg"] for row in broken}
        assert reasons.keys() == {events[n].guid for n in (1, 2, 4)}
        assert "99" in reasons[events[1].guid]
        assert "not JSON" in reasons[events[2].guid]
        assert queue.status(connection).details["failed"] == 3
        assert len(queue.latest(connection, 10)) == 3
        queue.confirm(connection, claim)

    def test_a_row_that_cannot_be_read_is_listed_and_discarded(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_events(1)[0]
        queue.keep(connection, [failure(event)], NOW)
        connection.execute(update(QUEUE_ITEM).values(event=b"\xff\0"))
        for at in (NOW + 30, NOW + 40):
            assert len(lease(queue, connection, at).unreadable) == 1
            (found,) = queue.failed(connection, FailedFilter(), 10)
            assert (found.payload, found.failed_at) == (b"\xff\0", at)
            assert "not JSON" in found.error
            queue.retry(connection, [(event.guid, "")], NOW + 40)
        lease(queue, connection, NOW + 40)
        assert len(queue.discard(connection, [(event.guid, "")], NOW + 50)) == 1
        assert queue.failed(connection, FailedFilter(), 10) == []
