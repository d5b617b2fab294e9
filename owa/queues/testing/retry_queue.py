"""The promises of a `RetryQueue`."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.errors import Overtaken
from owa.events import loads
from owa.queues.contract import (
    Delivery,
    FailedFilter,
    Failure,
    Item,
    Kept,
    Remaining,
    RetryQueue,
    State,
    Waiting,
    session_key,
)
from owa.queues.testing.deliveries import DeliveryContract
from owa.queues.testing.failed import FailedContract
from owa.queues.testing.given import KEY, LATER, LONG, NOW, OTHER_KEY, fail, failure, guids, lease
from owa.queues.testing.looks import LookContract
from owa.queues.testing.samples import AWKWARD_TEXTS, sample_event, sample_events


class RetryQueueContract(DeliveryContract, FailedContract, LookContract):
    """The promises of `owa.queues.contract.RetryQueue`, one test or more for each."""

    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        """Override it to test with another kind of database."""
        database = Database(f"sqlite:///{tmp_path / 'contract.db'}")
        with database.writing() as connection:
            METADATA.create_all(connection)
        yield database
        database.close()

    @pytest.fixture
    def connection(self, database: Database) -> Iterator[Connection]:
        with database.writing() as connection:
            yield connection

    @pytest.fixture
    def queue(self) -> RetryQueue:
        """To be overridden."""
        raise NotImplementedError("A subclass says how its queue is opened, by the fixture queue.")

    def test_a_waiting_event_is_due_when_its_key_has_come(self, queue: RetryQueue, connection: Connection) -> None:
        first, second, other = sample_events(3)
        queue.wait(connection, [Waiting(first, KEY), Waiting(second, KEY), Waiting(other, OTHER_KEY)], NOW)
        assert lease(queue, connection, LATER).items == ()
        assert queue.wake(connection, ["session:site:3", KEY], NOW + 5) == 2
        assert lease(queue, connection, NOW + 4).items == ()
        claimed = lease(queue, connection, NOW + 5).items
        assert {item.event.guid: item for item in claimed} == {
            event.guid: Item(event, Remaining.SESSION, attempts=0, inserted_at=NOW) for event in (first, second)
        }
        assert queue.wake(connection, [KEY], NOW + 6) == 0

    def test_more_keys_than_a_statement_takes(self, queue: RetryQueue, connection: Connection) -> None:
        keys = [session_key("site", number) for number in range(2_000)]
        queue.wait(connection, [Waiting(sample_event(number), key) for number, key in enumerate(keys)], NOW)
        assert queue.wake(connection, keys, NOW) == 2_000
        queue.done(connection, sample_events(2_000), NOW)
        assert queue.status(connection).depth == 0

    def test_keys_that_are_waited_for(self, queue: RetryQueue, connection: Connection) -> None:
        first, second, third = sample_events(3)
        queue.wait(connection, [Waiting(first, OTHER_KEY)], NOW)
        queue.wait(connection, [Waiting(second, KEY), Waiting(third, OTHER_KEY)], NOW + 1)
        assert queue.waited_for(connection, 10) == [KEY, OTHER_KEY]
        assert queue.waited_for(connection, 1) == [KEY]
        assert queue.waited_for(connection, 10, after=KEY) == [OTHER_KEY]
        queue.wake(connection, [OTHER_KEY], NOW + 2)
        assert queue.waited_for(connection, 10) == [KEY]

    def test_a_failed_event_is_due_when_its_back_off_has_ended(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event, attempts=3)], NOW)
        assert lease(queue, connection, NOW + 29).items == ()
        assert lease(queue, connection, NOW + 30).items == (Item(event, Remaining.EVERYTHING, 3, NOW, NOW),)

    def test_the_longest_due_come_first_and_no_more_than_asked_for(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        due = (40, 10, 30, 20)
        events = sample_events(4)
        queue.keep(connection, [failure(e, retry_at=NOW + at) for e, at in zip(events, due, strict=True)], NOW)
        assert guids(lease(queue, connection, NOW + 30, 2).items) == [events[1].guid, events[3].guid]
        assert guids(lease(queue, connection, NOW + 30).items) == [events[2].guid]

    def test_an_event_that_fails_again_keeps_its_age(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event)], NOW)
        queue.keep(connection, [failure(event, attempts=2, retry_at=NOW + 90)], NOW + 30)
        assert lease(queue, connection, NOW + 90).items == (Item(event, Remaining.EVERYTHING, 2, NOW, NOW),)
        assert queue.status(connection).depth == 1

    def test_an_event_that_is_given_up_stays_with_its_reason(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event)], NOW)
        queue.keep(connection, [failure(event, attempts=2, retry_at=None)], NOW + 30)
        assert lease(queue, connection, LATER, attempted_before=LATER).items == ()
        assert queue.latest(connection, 10) == [Kept(event, State.FAILED, "ValueError: no", None)]
        assert queue.flush(connection, LATER) == 0

    def test_an_event_that_waits_may_fail_later_and_wait_again(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.wait(connection, [Waiting(event, KEY)], NOW)
        queue.wake(connection, [KEY], NOW + 1)
        queue.keep(connection, [replace(failure(event), remaining=Remaining.SESSION)], NOW + 2)
        assert lease(queue, connection, NOW + 30).items == (Item(event, Remaining.SESSION, 1, NOW, NOW),)
        queue.wait(connection, [Waiting(event, OTHER_KEY)], NOW + 31)
        assert lease(queue, connection, LATER).items == ()
        assert [kept.state for kept in queue.latest(connection, 10)] == [State.WAITING]
        queue.wake(connection, [OTHER_KEY], NOW + 32)
        assert lease(queue, connection, NOW + 32).items == (Item(event, Remaining.SESSION, 1, NOW, NOW),)

    def test_attempted_before_claims_back_offs_but_none_twice(self, queue: RetryQueue, connection: Connection) -> None:
        earlier, just_now, waiting = sample_events(3)
        queue.keep(connection, [failure(earlier, retry_at=NOW + 10**9)], NOW)
        queue.keep(connection, [failure(just_now, retry_at=NOW + 10**9)], NOW + 10)
        queue.wait(connection, [Waiting(waiting, KEY)], NOW)
        forced = NOW + 10
        assert guids(lease(queue, connection, NOW + 11, attempted_before=forced).items) == [earlier.guid]
        assert guids(lease(queue, connection, NOW + 11, attempted_before=NOW + 11).items) == [just_now.guid]
        queue.wake(connection, [KEY], NOW + 11)
        assert guids(lease(queue, connection, NOW + 11, attempted_before=forced).items) == [waiting.guid]

    def test_finished_events_stay_until_they_are_flushed(self, queue: RetryQueue, connection: Connection) -> None:
        done, woken, open_ = sample_events(3)
        queue.keep(connection, [failure(done)], NOW)
        queue.wait(connection, [Waiting(woken, KEY), Waiting(open_, OTHER_KEY)], NOW)
        queue.wake(connection, [KEY], NOW)
        queue.done(connection, [done, woken, sample_event(99)], NOW + 1)
        assert lease(queue, connection, LATER, attempted_before=LATER).items == ()
        assert queue.status(connection).depth == 1
        assert [kept.event for kept in queue.latest(connection, 10)] == [open_]
        assert queue.flush(connection, LATER) == 2
        assert queue.flush(connection, LATER) == 0
        assert queue.waited_for(connection, 10) == [OTHER_KEY]

    def test_a_waiting_event_that_was_finished_is_not_woken(self, queue: RetryQueue, connection: Connection) -> None:
        queue.wait(connection, [Waiting(sample_event(0), KEY)], NOW)
        queue.done(connection, [sample_event(0)], NOW)
        assert queue.wake(connection, [KEY], NOW) == 0
        assert queue.waited_for(connection, 10) == []

    # Leases

    def test_what_is_leased_is_nobody_elses_until_the_lease_ends(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event)], NOW)
        mine = lease(queue, connection, NOW + 30)
        assert guids(mine.items) == [event.guid]
        assert lease(queue, connection, NOW + 29 + LONG, owner="here:2").items == ()
        assert lease(queue, connection, NOW + 29 + LONG, owner="here:2", attempted_before=LATER).items == ()
        assert queue.status(connection).depth == 1
        queue.confirm(connection, mine)
        other = lease(queue, connection, NOW + 30 + LONG, owner="here:2")
        assert guids(other.items) == [event.guid]
        with pytest.raises(Overtaken):
            queue.confirm(connection, mine)
        queue.confirm(connection, other)

    def test_a_lease_that_ended_is_still_good_while_nobody_wants_its_events(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        queue.keep(connection, [failure(event) for event in sample_events(700)], NOW)
        mine = lease(queue, connection, NOW + 30, 1_000)
        assert len(mine.items) == 700
        queue.confirm(connection, mine)

    def test_one_event_that_is_lost_makes_the_whole_lease_stale(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        queue.keep(connection, [failure(event) for event in sample_events(3)], NOW)
        mine = lease(queue, connection, NOW + 30)
        assert len(lease(queue, connection, NOW + 30 + LONG, 1, owner="here:2").items) == 1
        with pytest.raises(Overtaken):
            queue.confirm(connection, mine)

    @pytest.mark.parametrize("fate", ["done", "keep", "give up", "wait"])
    def test_a_fate_ends_the_lease(self, queue: RetryQueue, connection: Connection, fate: str) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event)], NOW)
        mine = lease(queue, connection, NOW + 30)
        if fate == "done":
            queue.done(connection, [event], NOW + 31)
        elif fate == "keep":
            queue.keep(connection, [failure(event, attempts=2, retry_at=NOW + 60)], NOW + 31)
        elif fate == "give up":
            queue.keep(connection, [failure(event, attempts=2, retry_at=None)], NOW + 31)
        else:
            queue.wait(connection, [Waiting(event, KEY)], NOW + 31)
        assert queue.owners(connection) == []
        with pytest.raises(Overtaken):
            queue.confirm(connection, mine)
        again = lease(queue, connection, NOW + 60)
        assert guids(again.items) == ([event.guid] if fate == "keep" else [])

    def test_the_leases_of_a_dead_owner_are_released(self, queue: RetryQueue, connection: Connection) -> None:
        first, second = sample_events(2)
        queue.keep(connection, [failure(first), failure(second)], NOW)
        dead = lease(queue, connection, NOW + 30, 1, owner="here:1")
        alive = lease(queue, connection, NOW + 30, 1, owner="here:2")
        assert sorted(queue.owners(connection)) == ["here:1", "here:2"]
        assert queue.release(connection, "here:1", NOW + 31) == 1
        assert queue.owners(connection) == ["here:2"]
        assert lease(queue, connection, NOW + 31, owner="here:3").items == dead.items
        queue.confirm(connection, alive)
        with pytest.raises(Overtaken):
            queue.confirm(connection, dead)

    def test_a_lease_of_nothing(self, queue: RetryQueue, connection: Connection) -> None:
        nothing = lease(queue, connection, NOW)
        assert (nothing.items, nothing.unreadable) == ((), ())
        queue.confirm(connection, nothing)
        assert queue.release(connection, "here:1", NOW) == 0

    def test_a_lease_outlives_the_transaction(self, queue: RetryQueue, database: Database) -> None:
        with database.writing() as connection:
            queue.keep(connection, [failure(sample_event(0))], NOW)
        with database.writing() as connection:
            mine = lease(queue, connection, NOW + 30)
        with database.writing() as connection:
            assert lease(queue, connection, NOW + 30, owner="here:2").items == ()
            queue.confirm(connection, mine)
            queue.done(connection, [item.event for item in mine.items], NOW + 31)

    def test_the_longest_trouble_of_each_kind_is_told_at_once(self, queue: RetryQueue, connection: Connection) -> None:
        events = sample_events(8)
        assert queue.troubles(connection, 5) == []
        queue.wait(connection, [Waiting(events[0], KEY)], NOW)
        queue.enqueue(connection, [Delivery(events[0], "ours:x")], NOW)
        assert queue.troubles(connection, 5) == []
        queue.keep(connection, [replace(failure(events[1]), failing_since=NOW - 7)], NOW + 2)
        queue.keep(connection, [failure(event) for event in events[2:5]], NOW + 1)
        fail(queue, connection, events[5], at=NOW + 3)
        fail(queue, connection, *events[6:8], at=NOW + 4)
        retrying, failed = queue.troubles(connection, 5)
        assert (retrying.state, retrying.count, retrying.guid) == (State.RETRYING, 4, events[1].guid)
        assert (retrying.since, retrying.error, retrying.handler) == (NOW - 7, "ValueError: no", "")
        assert (failed.state, failed.count, failed.since) == (State.FAILED, 3, NOW)
        assert [trouble.count for trouble in queue.troubles(connection, 2)] == [3, 3]

    # For the admin's eye

    def test_a_glance_tells_what_the_status_does(self, queue: RetryQueue, connection: Connection) -> None:
        waiting, failing, given_up, other, done = (sample_event(number) for number in range(5))
        assert queue.glance(connection, 10) == queue.status(connection)
        other = replace(other, site_id="other")
        queue.wait(connection, [Waiting(waiting, KEY)], NOW + 5)
        queue.keep(connection, [failure(event, retry_at=NOW + 30) for event in (failing, done)], NOW + 7)
        queue.enqueue(connection, [Delivery(failing, "a:b"), Delivery(other, "a:b"), Delivery(other, "c:d")], NOW + 6)
        queue.keep(connection, [replace(failure(failing), handler="a:b")], NOW + 8)
        fail(queue, connection, given_up)
        queue.done(connection, [done], NOW + 9)
        found = queue.glance(connection, 10)
        assert found == queue.status(connection)
        assert (found.depth, found.oldest_at, found.oldest_due_at) == (5, NOW + 5, NOW + 6)
        here, there = (queue.glance(connection, 10, [site]) for site in (waiting.site_id, "other"))
        assert (here.depth, here.details["failed"], there.depth, there.details["to c:d"]) == (3, 1, 2, 1)
        assert queue.glance(connection, 10, []).depth == 0

    def test_a_glance_counts_no_further_than_it_must(self, queue: RetryQueue, connection: Connection) -> None:
        events = sample_events(9)
        queue.wait(connection, [Waiting(event, KEY) for event in events[:4]], NOW)
        queue.keep(connection, [failure(event) for event in events[4:6]], NOW)
        fail(queue, connection, *events[6:])
        found = queue.glance(connection, 2)
        assert (found.depth, found.details["waiting"], found.details["retrying"], found.details["failed"]) == (
            4,
            2,
            2,
            2,
        )

    def test_a_glance_finds_the_oldest_that_is_due_behind_many_that_wait(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        *waiting, failing = sample_events(601)
        queue.wait(connection, [Waiting(event, KEY) for event in waiting], NOW)
        assert queue.glance(connection, 10).oldest_due_at is None
        queue.keep(connection, [failure(failing)], NOW + 7)
        queue.enqueue(connection, [Delivery(failing, "a:b")], NOW + 9)
        assert queue.glance(connection, 10).oldest_due_at == NOW + 7

    def test_status(self, queue: RetryQueue, connection: Connection) -> None:
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

    def test_what_is_left_of_the_cores_work(self, queue: RetryQueue, connection: Connection) -> None:
        given_up, discarded, leased, woken, done, waiting, delivered, whole = events = sample_events(8)
        queue.wait(connection, [Waiting(given_up, KEY), Waiting(discarded, KEY)], NOW)
        queue.give_up_waiting(connection, [KEY], "in vain", NOW)
        queue.discard(connection, [(discarded.guid, "")], NOW)
        queue.wait(connection, [Waiting(leased, OTHER_KEY)], NOW)
        queue.wake(connection, [OTHER_KEY], NOW)
        assert guids(lease(queue, connection, NOW).items) == [leased.guid]
        queue.wait(connection, [Waiting(woken, OTHER_KEY), Waiting(done, OTHER_KEY)], NOW)
        queue.wake(connection, [OTHER_KEY], NOW)
        queue.done(connection, [done], NOW)
        queue.wait(connection, [Waiting(waiting, OTHER_KEY)], NOW)
        queue.enqueue(connection, [Delivery(delivered, "m:h")], NOW)
        queue.keep(connection, [failure(whole)], NOW)
        everyone = [event.guid for event in events]
        found = queue.unfinished_among(connection, [*everyone, 12345], Remaining.SESSION)
        assert found == {waiting.guid, woken.guid, leased.guid, given_up.guid}
        assert queue.unfinished_among(connection, everyone, Remaining.EVERYTHING) == {whole.guid}
        assert queue.unfinished_among(connection, [waiting.guid], Remaining.EVERYTHING) == set()
        fail(queue, connection, whole)
        assert queue.unfinished_among(connection, everyone, Remaining.EVERYTHING) == {whole.guid}

    def test_what_is_left_of_more_events_than_a_statement_takes(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        events = sample_events(1_200)
        queue.wait(connection, [Waiting(event, KEY) for event in events], NOW)
        wanted = range(0, 3_000_000, 1_000)
        assert queue.unfinished_among(connection, wanted, Remaining.SESSION) == {1_000}

    def test_latest(self, queue: RetryQueue, connection: Connection) -> None:
        waiting, retrying, failed = sample_events(3)
        queue.wait(connection, [Waiting(waiting, KEY)], NOW)
        queue.keep(connection, [failure(retrying), failure(failed, retry_at=None)], NOW)
        assert queue.latest(connection, 10) == [
            Kept(failed, State.FAILED, "ValueError: no", None),
            Kept(retrying, State.RETRYING, "ValueError: no", NOW + 30),
            Kept(waiting, State.WAITING, "", None),
        ]
        assert [kept.event for kept in queue.latest(connection, 1)] == [failed]

    def test_fates_change_with_the_callers_transaction(self, queue: RetryQueue, database: Database) -> None:
        event = sample_event(0)
        with database.writing() as connection:
            queue.wait(connection, [Waiting(event, KEY)], NOW)
        with suppress(ZeroDivisionError), database.writing() as connection:
            queue.wake(connection, [KEY], NOW)
            assert len(lease(queue, connection, NOW, 1).items) == 1
            queue.done(connection, [event], NOW)
            raise ZeroDivisionError
        with database.writing() as connection:
            assert queue.waited_for(connection, 10) == [KEY]
            assert lease(queue, connection, NOW, 1).items == ()

    @pytest.mark.parametrize("text", AWKWARD_TEXTS, ids=range(len(AWKWARD_TEXTS)))
    def test_awkward_texts(self, queue: RetryQueue, connection: Connection, text: str) -> None:
        event = replace(sample_event(0, text), site_id=text[:100])
        kept = Failure(event, Remaining.EVERYTHING, text, text, 1, NOW, NOW)
        queue.keep(connection, [kept], NOW)
        assert [item.event for item in lease(queue, connection, NOW, 1).items] == [event]
        assert [found.error for found in queue.latest(connection, 1)] == [text]
        fail(queue, connection, event)
        wanted = FailedFilter(event.event_type, event.site_id)
        assert [loads(failed.payload) for failed in queue.failed(connection, wanted, 1)] == [event]

    def test_nothing_to_do_is_harmless(self, queue: RetryQueue, connection: Connection) -> None:
        queue.wait(connection, [], NOW)
        queue.keep(connection, [], NOW)
        queue.done(connection, [], NOW)
        assert queue.wake(connection, [], NOW) == 0
        assert queue.waited_for(connection, 10) == []
        assert queue.latest(connection, 10) == []
        assert (queue.retry(connection, [], NOW), queue.discard(connection, [], NOW)) == ([], [])
        assert queue.restore(connection, [], NOW) == []

    def test_keys_are_overdue_by_their_first_waiter(self, queue: RetryQueue, connection: Connection) -> None:
        first, second, other = sample_events(3)
        queue.wait(connection, [Waiting(first, KEY)], NOW)
        queue.wait(connection, [Waiting(second, KEY), Waiting(other, OTHER_KEY)], NOW + 5)
        assert queue.overdue(connection, NOW - 1, 10) == []
        assert queue.overdue(connection, NOW, 10) == [KEY]
        assert sorted(queue.overdue(connection, NOW + 5, 10)) == sorted([KEY, OTHER_KEY])
        assert guids(queue.claim_waiting(connection, KEY, 1, NOW).items) == [first.guid]
        assert guids(queue.claim_waiting(connection, KEY, 10, NOW).items) == [first.guid, second.guid]

    def test_a_pause_makes_nobody_overdue(self, queue: RetryQueue, connection: Connection) -> None:
        queue.wait(connection, [Waiting(sample_event(0), KEY)], NOW)
        queue.move_waiting(connection, 100)
        assert queue.overdue(connection, NOW + 99, 10) == []
        assert queue.overdue(connection, NOW + 100, 10) == [KEY]

    def test_who_waited_in_vain_is_failed_until_the_key_comes_after_all(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        event, other = sample_events(2)
        queue.wait(connection, [Waiting(event, KEY), Waiting(other, OTHER_KEY)], NOW)
        assert queue.give_up_waiting(connection, [KEY], "in vain", NOW + 9) == [event]
        assert queue.status(connection).details == {"waiting": 1, "retrying": 0, "failed": 1}
        assert queue.overdue(connection, LATER, 10) == [OTHER_KEY]
        assert queue.give_up_waiting(connection, [KEY], "in vain", NOW + 10) == []
        assert queue.wake(connection, [KEY], NOW + 11) == 1
        assert guids(lease(queue, connection, NOW + 11).items) == [event.guid]
