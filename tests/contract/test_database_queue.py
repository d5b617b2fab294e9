"""The promises of `owa.queues.contract.RetryQueue`, kept by the queue in the database."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import Connection, update

from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.events import Event
from owa.modules.database_queue.queue import DatabaseQueue
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.queues.contract import Failure, Item, Kept, Remaining, State, Waiting, session_key
from owa.queues.testing import AWKWARD_TEXTS, sample_event, sample_events
from tests.postgresql import NewUrl

NOW = 1_795_300_000_000_000
KEY, OTHER_KEY = session_key("site", 1), session_key("site", 2)


@pytest.fixture
def database(new_url: NewUrl) -> Iterator[Database]:
    database = Database(new_url())
    with database.writing() as connection:
        METADATA.create_all(connection)
    yield database
    database.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.writing() as connection:
        yield connection


@pytest.fixture
def queue() -> DatabaseQueue:
    return DatabaseQueue()


def failure(event: Event, *, attempts: int = 1, retry_at: int | None = NOW + 30) -> Failure:
    return Failure(event, Remaining.EVERYTHING, "ValueError: no", "Traceback …", attempts, NOW, retry_at)


def guids(items: Iterable[Item]) -> list[int]:
    return [item.event.guid for item in items]


def test_a_waiting_event_is_due_when_its_key_has_come(queue: DatabaseQueue, connection: Connection) -> None:
    first, second, other = sample_events(3)
    queue.wait(connection, [Waiting(first, KEY), Waiting(second, KEY), Waiting(other, OTHER_KEY)], NOW)
    assert queue.claim(connection, 10, NOW + 10**12).items == ()
    assert queue.wake(connection, ["session:site:3", KEY], NOW + 5) == 2
    assert queue.claim(connection, 10, NOW + 4).items == ()
    claimed = queue.claim(connection, 10, NOW + 5).items
    assert {item.event.guid: item for item in claimed} == {
        event.guid: Item(event, Remaining.SESSION, attempts=0, inserted_at=NOW) for event in (first, second)
    }
    assert queue.wake(connection, [KEY], NOW + 6) == 0


def test_more_keys_than_a_statement_takes(queue: DatabaseQueue, connection: Connection) -> None:
    keys = [session_key("site", number) for number in range(2_000)]
    queue.wait(connection, [Waiting(sample_event(number), key) for number, key in enumerate(keys)], NOW)
    assert queue.wake(connection, keys, NOW) == 2_000
    queue.done(connection, sample_events(2_000), NOW)
    assert queue.status(connection).depth == 0


def test_keys_that_are_waited_for(queue: DatabaseQueue, connection: Connection) -> None:
    first, second, third = sample_events(3)
    queue.wait(connection, [Waiting(first, OTHER_KEY)], NOW)
    queue.wait(connection, [Waiting(second, KEY), Waiting(third, OTHER_KEY)], NOW + 1)
    assert queue.waited_for(connection, 10) == [OTHER_KEY, KEY]
    assert queue.waited_for(connection, 1) == [OTHER_KEY]
    queue.wake(connection, [OTHER_KEY], NOW + 2)
    assert queue.waited_for(connection, 10) == [KEY]


def test_a_failed_event_is_due_when_its_back_off_has_ended(queue: DatabaseQueue, connection: Connection) -> None:
    event = sample_event(0)
    queue.keep(connection, [failure(event, attempts=3)], NOW)
    assert queue.claim(connection, 10, NOW + 29).items == ()
    assert queue.claim(connection, 10, NOW + 30).items == (Item(event, Remaining.EVERYTHING, 3, NOW, NOW),)


def test_the_longest_due_come_first_and_no_more_than_asked_for(queue: DatabaseQueue, connection: Connection) -> None:
    due = (40, 10, 30, 20)
    events = sample_events(4)
    queue.keep(connection, [failure(e, retry_at=NOW + at) for e, at in zip(events, due, strict=True)], NOW)
    assert guids(queue.claim(connection, 2, NOW + 100).items) == [events[1].guid, events[3].guid]
    assert guids(queue.claim(connection, 10, NOW + 30).items) == [events[1].guid, events[3].guid, events[2].guid]


def test_an_event_that_fails_again_keeps_its_age(queue: DatabaseQueue, connection: Connection) -> None:
    event = sample_event(0)
    queue.keep(connection, [failure(event)], NOW)
    queue.keep(connection, [failure(event, attempts=2, retry_at=NOW + 90)], NOW + 30)
    assert queue.claim(connection, 10, NOW + 90).items == (Item(event, Remaining.EVERYTHING, 2, NOW, NOW),)
    assert queue.status(connection).depth == 1


def test_an_event_that_is_given_up_stays_with_its_reason(queue: DatabaseQueue, connection: Connection) -> None:
    event = sample_event(0)
    queue.keep(connection, [failure(event)], NOW)
    queue.keep(connection, [failure(event, attempts=2, retry_at=None)], NOW + 30)
    assert queue.claim(connection, 10, NOW + 10**12, attempted_before=NOW + 10**12).items == ()
    assert queue.latest(connection, 10) == [Kept(event, State.FAILED, "ValueError: no", None)]
    assert queue.flush(connection) == 0


def test_an_event_that_waits_may_fail_later_and_wait_again(queue: DatabaseQueue, connection: Connection) -> None:
    event = sample_event(0)
    queue.wait(connection, [Waiting(event, KEY)], NOW)
    queue.wake(connection, [KEY], NOW + 1)
    queue.keep(connection, [replace(failure(event), remaining=Remaining.SESSION)], NOW + 2)
    assert queue.claim(connection, 10, NOW + 30).items == (Item(event, Remaining.SESSION, 1, NOW, NOW),)
    queue.wait(connection, [Waiting(event, OTHER_KEY)], NOW + 31)
    assert queue.claim(connection, 10, NOW + 10**12).items == ()
    assert [kept.state for kept in queue.latest(connection, 10)] == [State.WAITING]


def test_attempted_before_claims_back_offs_but_none_twice(queue: DatabaseQueue, connection: Connection) -> None:
    earlier, just_now, waiting = sample_events(3)
    queue.keep(connection, [failure(earlier, retry_at=NOW + 10**9)], NOW)
    queue.keep(connection, [failure(just_now, retry_at=NOW + 10**9)], NOW + 10)
    queue.wait(connection, [Waiting(waiting, KEY)], NOW)
    assert guids(queue.claim(connection, 10, NOW + 11, attempted_before=NOW + 10).items) == [earlier.guid]
    assert guids(queue.claim(connection, 10, NOW + 11, attempted_before=NOW + 11).items) == [
        earlier.guid,
        just_now.guid,
    ]
    queue.wake(connection, [KEY], NOW + 11)
    assert waiting.guid in guids(queue.claim(connection, 10, NOW + 11, attempted_before=NOW + 10).items)


def test_finished_events_stay_until_they_are_flushed(queue: DatabaseQueue, connection: Connection) -> None:
    done, woken, open_ = sample_events(3)
    queue.keep(connection, [failure(done)], NOW)
    queue.wait(connection, [Waiting(woken, KEY), Waiting(open_, OTHER_KEY)], NOW)
    queue.wake(connection, [KEY], NOW)
    queue.done(connection, [done, woken, sample_event(99)], NOW + 1)
    assert queue.claim(connection, 10, NOW + 10**12, attempted_before=NOW + 10**12).items == ()
    assert queue.status(connection).depth == 1
    assert [kept.event for kept in queue.latest(connection, 10)] == [open_]
    assert queue.flush(connection) == 2
    assert queue.flush(connection) == 0
    assert queue.waited_for(connection, 10) == [OTHER_KEY]


def test_a_waiting_event_that_was_finished_is_not_woken(queue: DatabaseQueue, connection: Connection) -> None:
    queue.wait(connection, [Waiting(sample_event(0), KEY)], NOW)
    queue.done(connection, [sample_event(0)], NOW)
    assert queue.wake(connection, [KEY], NOW) == 0
    assert queue.waited_for(connection, 10) == []


def test_status(queue: DatabaseQueue, connection: Connection) -> None:
    assert queue.status(connection).depth == 0
    assert queue.status(connection).oldest_at is None
    events = sample_events(5)
    queue.wait(connection, [Waiting(event, KEY) for event in events[:2]], NOW)
    queue.keep(connection, [failure(events[2]), failure(events[3], retry_at=None)], NOW)
    status = queue.status(connection)
    assert status.depth == 3
    assert status.details == {"waiting": 2, "retrying": 1, "failed": 1}
    queue.done(connection, events, NOW)
    status = queue.status(connection)
    assert (status.depth, status.oldest_at) == (0, None)
    assert status.details == {"waiting": 0, "retrying": 0, "failed": 0}


def test_latest(queue: DatabaseQueue, connection: Connection) -> None:
    waiting, retrying, failed = sample_events(3)
    queue.wait(connection, [Waiting(waiting, KEY)], NOW)
    queue.keep(connection, [failure(retrying), failure(failed, retry_at=None)], NOW)
    assert queue.latest(connection, 10) == [
        Kept(failed, State.FAILED, "ValueError: no", None),
        Kept(retrying, State.RETRYING, "ValueError: no", NOW + 30),
        Kept(waiting, State.WAITING, "", None),
    ]
    assert [kept.event for kept in queue.latest(connection, 1)] == [failed]


def test_unreadable_rows_are_given_up_with_the_reason_and_hold_up_nobody(
    queue: DatabaseQueue, connection: Connection
) -> None:
    events = sample_events(6)
    queue.keep(connection, [failure(event) for event in events], NOW)
    for event, text in ((events[1], b'{"v": 99}'), (events[2], b"\xff"), (events[4], b"")):
        connection.execute(update(QUEUE_ITEM).where(QUEUE_ITEM.c.id == event.guid).values(event=text))
    assert sorted(guids(queue.claim(connection, 10, NOW + 30).items)) == [events[n].guid for n in (0, 3, 5)]
    broken = connection.execute(QUEUE_ITEM.select().where(QUEUE_ITEM.c.status == "broken")).mappings().all()
    reasons = {row["id"]: row["last_error_msg"] for row in broken}
    assert reasons.keys() == {events[n].guid for n in (1, 2, 4)}
    assert "99" in reasons[events[1].guid]
    assert "not JSON" in reasons[events[2].guid]
    assert queue.status(connection).details["failed"] == 3
    assert len(queue.latest(connection, 10)) == 3
    assert guids(queue.claim(connection, 1, NOW + 30).items) == [events[0].guid]


def test_fates_change_with_the_callers_transaction(queue: DatabaseQueue, database: Database) -> None:
    event = sample_event(0)
    with database.writing() as connection:
        queue.wait(connection, [Waiting(event, KEY)], NOW)
    with suppress(ZeroDivisionError), database.writing() as connection:
        queue.wake(connection, [KEY], NOW)
        assert len(queue.claim(connection, 1, NOW).items) == 1
        queue.done(connection, [event], NOW)
        raise ZeroDivisionError
    with database.writing() as connection:
        assert queue.waited_for(connection, 10) == [KEY]
        assert queue.claim(connection, 1, NOW).items == ()


@pytest.mark.parametrize("text", AWKWARD_TEXTS, ids=range(len(AWKWARD_TEXTS)))
def test_awkward_texts(queue: DatabaseQueue, connection: Connection, text: str) -> None:
    event = replace(sample_event(0, text), site_id=text[:100])
    kept = Failure(event, Remaining.EVERYTHING, text, text, 1, NOW, NOW)
    queue.keep(connection, [kept], NOW)
    assert [item.event for item in queue.claim(connection, 1, NOW).items] == [event]
    assert [found.error for found in queue.latest(connection, 1)] == [text]


def test_nothing_to_do_is_harmless(queue: DatabaseQueue, connection: Connection) -> None:
    queue.wait(connection, [], NOW)
    queue.keep(connection, [], NOW)
    queue.done(connection, [], NOW)
    assert queue.wake(connection, [], NOW) == 0
    assert queue.waited_for(connection, 10) == []
    assert queue.latest(connection, 10) == []


def test_keys_are_overdue_by_their_first_waiter(queue: DatabaseQueue, connection: Connection) -> None:
    first, second, other = sample_events(3)
    queue.wait(connection, [Waiting(first, KEY)], NOW)
    queue.wait(connection, [Waiting(second, KEY), Waiting(other, OTHER_KEY)], NOW + 5)
    assert queue.overdue(connection, NOW - 1, 10) == []
    assert queue.overdue(connection, NOW, 10) == [KEY]
    assert sorted(queue.overdue(connection, NOW + 5, 10)) == sorted([KEY, OTHER_KEY])
    assert guids(queue.claim_waiting(connection, KEY, 1, NOW).items) == [first.guid]
    assert guids(queue.claim_waiting(connection, KEY, 10, NOW).items) == [first.guid, second.guid]


def test_a_pause_makes_nobody_overdue(queue: DatabaseQueue, connection: Connection) -> None:
    queue.wait(connection, [Waiting(sample_event(0), KEY)], NOW)
    queue.move_waiting(connection, 100)
    assert queue.overdue(connection, NOW + 99, 10) == []
    assert queue.overdue(connection, NOW + 100, 10) == [KEY]


def test_who_waited_in_vain_is_failed_until_the_key_comes_after_all(
    queue: DatabaseQueue, connection: Connection
) -> None:
    event, other = sample_events(2)
    queue.wait(connection, [Waiting(event, KEY), Waiting(other, OTHER_KEY)], NOW)
    assert queue.give_up_waiting(connection, [KEY], "in vain", NOW + 9) == [event]
    assert queue.status(connection).details == {"waiting": 1, "retrying": 0, "failed": 1}
    assert queue.overdue(connection, NOW + 10**12, 10) == [OTHER_KEY]
    assert queue.give_up_waiting(connection, [KEY], "in vain", NOW + 10) == []
    assert queue.wake(connection, [KEY], NOW + 11) == 1
    assert guids(queue.claim(connection, 10, NOW + 11).items) == [event.guid]
