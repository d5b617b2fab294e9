"""The promises of a `RetryQueue` that are about deliveries to event handlers."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from owa.errors import Overtaken
from owa.events import Event
from owa.queues.contract import (
    Delivery,
    FailedFilter,
    Failure,
    Item,
    Lease,
    Remaining,
    RetryQueue,
    State,
    Waiting,
    session_key,
)
from owa.queues.testing.samples import sample_event, sample_events

NOW = 1_795_300_000_000_000
LATER = NOW + 10**12
LONG = 10**9
ONE, OTHER = "one:Rows", "other:rows"


def failed_delivery(event: Event, handler: str, *, attempts: int = 1, retry_at: int | None = NOW + 30) -> Failure:
    return Failure(event, Remaining.DELIVERY, "ValueError: no", "…", attempts, NOW, retry_at, handler, duration=70)


def lease_of(queue: RetryQueue, connection: Connection, handler: str, now: int = NOW, limit: int = 10) -> Lease:
    return queue.lease(connection, limit, now, until=now + LONG, owner="here:1", handler=handler)


class DeliveryContract:
    """Each handler's deliveries have fates of their own."""

    def test_a_delivery_is_due_at_once_for_its_handler_alone(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        assert queue.enqueue(connection, [Delivery(event, ONE)], NOW) == {(event.guid, ONE)}
        assert lease_of(queue, connection, "").items == ()
        assert lease_of(queue, connection, OTHER).items == ()
        assert lease_of(queue, connection, ONE, NOW - 1).items == ()
        assert lease_of(queue, connection, ONE).items == (Item(event, Remaining.DELIVERY, 0, NOW, None, ONE),)

    def test_what_the_core_has_to_do_is_no_delivery(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.keep(connection, [Failure(event, Remaining.EVERYTHING, "no", "", 1, NOW, NOW)], NOW)
        queue.enqueue(connection, [Delivery(event, ONE)], NOW)
        assert lease_of(queue, connection, "").items == (Item(event, Remaining.EVERYTHING, 1, NOW, NOW),)
        queue.done(connection, [event], NOW)
        assert [item.key for item in lease_of(queue, connection, ONE).items] == [(event.guid, ONE)]

    def test_what_is_there_already_stays_as_it_is(self, queue: RetryQueue, connection: Connection) -> None:
        waiting, failed, done, new = sample_events(4)
        queue.enqueue(connection, [Delivery(event, ONE) for event in (waiting, failed, done)], NOW)
        queue.keep(connection, [failed_delivery(failed, ONE, retry_at=None)], NOW)
        queue.done(connection, [done], NOW, handler=ONE)
        again = [Delivery(event, ONE) for event in (new, waiting, failed, done, new)]
        assert queue.enqueue(connection, again, NOW + 5) == {(new.guid, ONE)}
        assert queue.enqueue(connection, again, NOW + 5) == set()
        assert queue.enqueue(connection, [Delivery(done, OTHER)], NOW) == {(done.guid, OTHER)}
        assert [item.inserted_at for item in lease_of(queue, connection, ONE, LATER).items] == [NOW, NOW + 5]
        assert len(queue.failed(connection, FailedFilter(), 10)) == 1

    def test_more_deliveries_than_a_statement_takes(self, queue: RetryQueue, connection: Connection) -> None:
        deliveries = [Delivery(event, handler) for event in sample_events(1_200) for handler in (ONE, OTHER)]
        assert len(queue.enqueue(connection, deliveries, NOW)) == 2_400
        queue.done(connection, sample_events(1_200), NOW, handler=ONE)
        assert queue.unfinished(connection) == {(OTHER, "site", State.QUEUED): 1_200}

    def test_handlers_with_something_due(self, queue: RetryQueue, connection: Connection) -> None:
        first, second, third = sample_events(3)
        assert queue.due_handlers(connection, LATER) == []
        queue.keep(connection, [Failure(first, Remaining.EVERYTHING, "no", "", 1, NOW, NOW)], NOW)
        queue.enqueue(connection, [Delivery(first, OTHER), Delivery(first, ONE), Delivery(second, ONE)], NOW)
        queue.enqueue(connection, [Delivery(third, "third:rows")], NOW + 9)
        assert queue.due_handlers(connection, NOW - 1) == []
        assert queue.due_handlers(connection, NOW) == [ONE, OTHER]
        assert queue.due_handlers(connection, NOW + 9) == [ONE, OTHER, "third:rows"]
        queue.done(connection, [first], NOW, handler=OTHER)
        lease_of(queue, connection, ONE)
        assert queue.due_handlers(connection, NOW) == []
        assert queue.due_handlers(connection, NOW + LONG) == [ONE, "third:rows"]

    def test_done_by_one_handler_is_not_done_by_the_other(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.enqueue(connection, [Delivery(event, ONE), Delivery(event, OTHER)], NOW)
        mine, theirs = lease_of(queue, connection, ONE), lease_of(queue, connection, OTHER)
        queue.done(connection, [event], NOW, handler=ONE, duration=1_000)
        queue.confirm(connection, theirs)
        with pytest.raises(Overtaken):
            queue.confirm(connection, mine)
        assert queue.flush(connection, LATER) == 1
        assert queue.status(connection).details == {"waiting": 0, "retrying": 0, "failed": 0, f"to {OTHER}": 1}

    def test_a_lease_of_some_of_its_items_is_one_too(self, queue: RetryQueue, connection: Connection) -> None:
        events = sample_events(4)
        queue.enqueue(connection, [Delivery(event, ONE) for event in events], NOW)
        lease = lease_of(queue, connection, ONE)
        first = replace(lease, items=lease.items[:1])
        queue.confirm(connection, first)
        queue.done(connection, [events[0]], NOW, handler=ONE)
        queue.keep(connection, [failed_delivery(events[1], ONE)], NOW)
        assert queue.end_lease(connection, lease, NOW + 1) == 2
        assert queue.end_lease(connection, lease, NOW + 1) == 0
        assert [item.event for item in lease_of(queue, connection, ONE, NOW + 1).items] == events[2:]
        with pytest.raises(Overtaken):
            queue.confirm(connection, replace(lease, items=lease.items[2:]))

    def test_a_lease_that_others_took_over_is_not_ended(self, queue: RetryQueue, connection: Connection) -> None:
        queue.enqueue(connection, [Delivery(sample_event(0), ONE)], NOW)
        late = lease_of(queue, connection, ONE)
        other = lease_of(queue, connection, ONE, NOW + LONG)
        assert queue.end_lease(connection, late, NOW + LONG) == 0
        queue.confirm(connection, other)

    def test_a_delivery_that_fails_is_tried_again(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.enqueue(connection, [Delivery(event, ONE), Delivery(event, OTHER)], NOW)
        lease_of(queue, connection, ONE)
        queue.keep(connection, [failed_delivery(event, ONE, attempts=2)], NOW + 1)
        assert queue.owners(connection) == []
        assert lease_of(queue, connection, ONE, NOW + 29).items == ()
        assert lease_of(queue, connection, ONE, NOW + 30).items == (Item(event, Remaining.DELIVERY, 2, NOW, NOW, ONE),)
        assert queue.unfinished(connection) == {
            (ONE, "site", State.RETRYING): 1,
            (OTHER, "site", State.QUEUED): 1,
        }
        details = {"waiting": 0, "retrying": 1, "failed": 0, f"to {ONE}": 1, f"to {OTHER}": 1}
        assert queue.status(connection).details == details
        assert queue.status(connection).depth == 2

    def test_a_failed_delivery_is_called_by_guid_and_handler(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.enqueue(connection, [Delivery(event, handler) for handler in (ONE, OTHER)], NOW)
        lease_of(queue, connection, ONE)
        queue.keep(connection, [failed_delivery(event, handler, retry_at=None) for handler in (ONE, OTHER)], NOW + 9)
        queue.keep(connection, [Failure(event, Remaining.EVERYTHING, "core", "", 1, NOW, None)], NOW + 9)
        found = queue.failed(connection, FailedFilter(), 10)
        assert [failed.key for failed in found] == [(event.guid, OTHER), (event.guid, ONE), (event.guid, "")]
        one = found[1]
        assert (one.remaining, one.handled_by, one.duration) == (Remaining.DELIVERY, "here:1", 70)
        pages = [queue.failed(connection, FailedFilter(), 1, failed.place) for failed in found]
        assert [[failed.key for failed in page] for page in pages] == [[one.key], [found[2].key], []]
        for handler in (ONE, ""):
            (only,) = queue.failed(connection, FailedFilter(handler=handler), 10)
            assert only == queue.find_failed(connection, (event.guid, handler))
        assert queue.failed_kinds(connection, 9).handlers == ("", ONE, OTHER)
        assert queue.find_failed(connection, (event.guid, "nobody:s")) is None

    def test_one_delivery_is_retried_and_another_discarded(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        failures = [failed_delivery(event, handler, retry_at=None) for handler in (ONE, OTHER, "third:rows")]
        queue.keep(connection, failures, NOW)
        assert [failed.key for failed in queue.retry(connection, [(event.guid, ONE)], NOW + 5)] == [(event.guid, ONE)]
        assert queue.retry(connection, [(event.guid, ONE), (event.guid, "")], NOW + 5) == []
        assert len(queue.discard(connection, [(event.guid, OTHER)], NOW + 5)) == 1
        assert lease_of(queue, connection, ONE, NOW + 5).items == (Item(event, Remaining.DELIVERY, 0, NOW, None, ONE),)
        assert [failed.handler for failed in queue.failed(connection, FailedFilter(), 10)] == ["third:rows"]
        assert queue.due_handlers(connection, NOW + 5) == []

    def test_waking_moves_no_delivery(self, queue: RetryQueue, connection: Connection) -> None:
        event, key = sample_event(0), session_key("site", 1)
        queue.wait(connection, [Waiting(event, key)], NOW)
        queue.keep(connection, [failed_delivery(event, ONE)], NOW)
        assert queue.wake(connection, [key], NOW + 1) == 1
        assert lease_of(queue, connection, ONE, NOW + 1).items == ()

    def test_an_event_is_in_the_state_of_its_worst_delivery(self, queue: RetryQueue, connection: Connection) -> None:
        mixed, retrying, queued, done, orphan = sample_events(5)
        everything = [Delivery(event, handler) for event in (mixed, retrying, queued, done) for handler in (ONE, OTHER)]
        queue.enqueue(connection, everything, NOW)
        queue.keep(connection, [failed_delivery(mixed, ONE), failed_delivery(mixed, OTHER, retry_at=None)], NOW)
        queue.keep(connection, [failed_delivery(retrying, OTHER)], NOW)
        queue.done(connection, [queued, done], NOW, handler=ONE)
        queue.done(connection, [done], NOW, handler=OTHER)
        queue.wait(connection, [Waiting(orphan, session_key("site", 1))], NOW)
        assert queue.states(connection) == {
            (7, "site", State.FAILED, Remaining.DELIVERY): 1,
            (7, "site", State.RETRYING, Remaining.DELIVERY): 1,
            (7, "site", State.QUEUED, Remaining.DELIVERY): 1,
            (7, "site", State.WAITING, Remaining.SESSION): 1,
        }
        kept = [(found.event, found.handler, found.state) for found in queue.latest(connection, 3)]
        assert kept == [
            (orphan, "", State.WAITING),
            (queued, OTHER, State.QUEUED),
            (retrying, OTHER, State.RETRYING),
        ]

    def test_no_deliveries_are_harmless(self, queue: RetryQueue, connection: Connection) -> None:
        assert queue.enqueue(connection, [], NOW) == set()
        assert queue.end_lease(connection, lease_of(queue, connection, ONE), NOW) == 0
        assert queue.unfinished(connection) == queue.states(connection) == {}
