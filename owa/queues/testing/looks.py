"""The promises of a `RetryQueue` that are for the eye."""

from dataclasses import replace

from sqlalchemy import Connection

from owa.queues.contract import (
    Awaited,
    Delivery,
    Failure,
    Remaining,
    RetryQueue,
    State,
    Waiting,
    session_key,
)
from owa.queues.testing.samples import sample_event, sample_events

AT = 1_795_300_000_000_000
"""Microseconds."""
FIRST, SECOND, THIRD = (session_key("site", number) for number in (3, 1, 2))


class LookContract:
    """Part of `RetryQueueContract`."""

    def test_what_is_awaited_is_listed_the_longest_first(self, queue: RetryQueue, connection: Connection) -> None:
        events = sample_events(6)
        queue.wait(connection, [Waiting(events[0], SECOND), Waiting(events[1], THIRD)], AT + 2)
        queue.wait(connection, [Waiting(events[2], FIRST), Waiting(events[3], FIRST)], AT + 1)
        queue.wait(connection, [Waiting(events[4], FIRST), Waiting(events[5], THIRD)], AT + 3)
        listed = queue.awaited(connection, 10)
        assert [(one.key, one.since, one.count) for one in listed] == [
            (FIRST, AT + 1, 3),
            (SECOND, AT + 2, 1),
            (THIRD, AT + 2, 2),
        ]
        assert [one.last for one in listed] == [events[4], events[0], events[5]]

    def test_what_is_awaited_is_listed_page_by_page(self, queue: RetryQueue, connection: Connection) -> None:
        keys = [session_key("site", number) for number in range(7)]
        for late in (0, 5):  # each key has a second event, which does not list it again
            queue.wait(
                connection,
                [Waiting(sample_event(number + 10 * late), key) for number, key in enumerate(keys)],
                AT + late,
            )
        found: list[Awaited] = []
        while page := queue.awaited(connection, 3, found[-1].place if found else None):
            assert len(page) <= 3
            found += page
        assert [one.key for one in found] == keys
        assert {one.count for one in found} == {2}

    def test_events_that_wait_are_counted_as_far_as_is_wanted(self, queue: RetryQueue, connection: Connection) -> None:
        queue.wait(connection, [Waiting(event, FIRST) for event in sample_events(5)], AT)
        assert [queue.count_waiting(connection, most) for most in (3, 5, 10)] == [3, 5, 5]
        assert [one.count for one in queue.awaited(connection, 1, most=3)] == [3]
        (one,) = queue.awaited_among(connection, [SECOND, FIRST, FIRST], most=4)
        assert (one.key, one.since, one.count) == (FIRST, AT, 4)

    def test_a_pause_moves_how_long_it_waits_and_not_since_when(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        queue.wait(connection, [Waiting(sample_event(1), FIRST)], AT)
        queue.move_waiting(connection, 7)
        (one,) = queue.awaited(connection, 10)
        assert (one.since, one.first_at) == (AT + 7, AT)

    def test_what_waits_no_more_is_not_awaited(self, queue: RetryQueue, connection: Connection) -> None:
        woken, given_up, waits = sample_events(3)
        queue.wait(connection, [Waiting(woken, FIRST), Waiting(given_up, SECOND), Waiting(waits, THIRD)], AT)
        queue.wake(connection, [FIRST], AT)
        queue.give_up_waiting(connection, [SECOND], "in vain", AT)
        assert [one.key for one in queue.awaited(connection, 10)] == [THIRD]
        assert [one.key for one in queue.awaited_among(connection, [FIRST, SECOND, THIRD])] == [THIRD]
        assert queue.count_waiting(connection, 10) == 1

    def test_what_a_visitor_waits_for_is_found_among_the_longest(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        events = [replace(event, visitor_id=7) for event in sample_events(3)]
        for number, key in enumerate((THIRD, FIRST, SECOND)):
            queue.wait(connection, [Waiting(events[number], key)], AT + number)
        queue.wait(connection, [Waiting(sample_event(9), session_key("site", 9))], AT - 1)
        assert queue.awaited_by(connection, 7, 10) == sorted((FIRST, SECOND, THIRD))
        assert queue.awaited_by(connection, 7, 3) == sorted((THIRD, FIRST))
        assert queue.awaited_by(connection, 8, 10) == []

    def test_all_that_is_known_of_an_event_is_told(self, queue: RetryQueue, connection: Connection) -> None:
        event, other = sample_events(2)
        queue.wait(connection, [Waiting(event, FIRST)], AT)
        (waiting,) = queue.trails(connection, event.guid)
        assert (waiting.handler, waiting.state, waiting.waits_for) == ("", State.WAITING, FIRST)
        assert (waiting.remaining, waiting.inserted_at, waiting.event) == (Remaining.SESSION, AT, event)
        queue.done(connection, [event], AT + 1)
        queue.enqueue(connection, [Delivery(event, handler) for handler in ("b:two", "a:one")], AT + 2)
        failure = Failure(event, Remaining.DELIVERY, "no", "…", 1, AT + 3, AT + 9, handler="b:two", duration=5)
        queue.keep(connection, [failure], AT + 3)
        queue.enqueue(connection, [Delivery(other, "a:one")], AT)
        core, one, two = queue.trails(connection, event.guid)
        assert (core.handler, core.state, core.finished_at, core.waits_for) == ("", None, AT + 1, "")
        assert (one.handler, one.state, one.attempts, one.due_at) == ("a:one", State.QUEUED, 0, AT + 2)
        assert (two.handler, two.state, two.attempts, two.due_at) == ("b:two", State.RETRYING, 1, AT + 9)
        assert (two.error, two.duration, two.tried_at) == ("no", 5, AT + 3)
        leased = queue.lease(connection, 10, AT + 2, until=AT + 99, owner="here:1", handler="a:one")
        assert len(leased.items) == 2
        assert [trail.owner for trail in queue.trails(connection, event.guid)] == ["", "here:1", ""]
        assert queue.trails(connection, 99) == []
