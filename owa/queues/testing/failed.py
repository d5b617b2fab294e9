"""The promises of a `RetryQueue` that are about events that failed."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from owa.errors import Overtaken
from owa.events import dumps
from owa.fingerprints import fingerprint
from owa.queues.contract import (
    ATTEMPTS_KEPT,
    LONGEST_TRACE,
    MOST,
    Attempt,
    Capped,
    Delivery,
    Failed,
    FailedFilter,
    FailedKinds,
    FailedState,
    Failure,
    Item,
    Remaining,
    RetryQueue,
    Waiting,
)
from owa.queues.testing.given import ALL, KEY, LATER, NOW, OTHER_KEY, fail, failure, lease
from owa.queues.testing.samples import AWKWARD_TEXTS, sample_event, sample_events

RETRYING, DISCARDED = FailedFilter(state=FailedState.RETRYING), FailedFilter(state=FailedState.DISCARDED)


def found(queue: RetryQueue, connection: Connection, wanted: FailedFilter) -> list[int]:
    """Guids; the places and the count must say the same."""
    listed = queue.failed(connection, wanted, MOST)
    assert queue.failed_places(connection, wanted, MOST) == [failed.place for failed in listed]
    assert queue.count_failed(connection, wanted) == Capped(len(listed))
    return [failed.guid for failed in listed]


class FailedContract:
    """Listed, searched, grouped, retried, discarded, and back."""

    def test_a_failed_event_is_listed_with_all_that_is_known(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event)], NOW)
        assert queue.failed(connection, ALL, 10) == []
        fail(queue, connection, event, at=NOW + 9)
        (found,) = queue.failed(connection, ALL, 10)
        assert found == Failed(
            guid=event.guid,
            event_type="base.page_request",
            site_id="site",
            server=7,
            payload=dumps(event),
            remaining=Remaining.EVERYTHING,
            waited_for="",
            error="ValueError: no",
            trace="Traceback …",
            attempts=3,
            inserted_at=NOW,
            failing_since=NOW,
            failed_at=NOW + 9,
            fingerprint=fingerprint("ValueError: no"),
        )
        assert queue.find_failed(connection, (event.guid, "")) == found
        assert queue.find_failed(connection, (12345, "")) is None

    def test_the_last_failed_come_first_page_by_page(self, queue: RetryQueue, connection: Connection) -> None:
        events = sample_events(6)
        for event, at in zip(events, (5, 9, 5, 7, 5, 9), strict=True):
            fail(queue, connection, event, at=NOW + at)
        pages: list[list[int]] = []
        before = None
        while page := queue.failed(connection, ALL, 2, before):
            pages.append([failed.guid for failed in page])
            before = page[-1].place
        assert pages == [[events[a].guid, events[b].guid] for a, b in ((5, 1), (3, 4), (2, 0))]

    def test_failed_events_by_type_and_site(self, queue: RetryQueue, connection: Connection) -> None:
        one, other_type, other_site = sample_events(3)
        other_type, other_site = replace(other_type, event_type="x"), replace(other_site, site_id="y")
        fail(queue, connection, one, other_type, other_site)
        queue.keep(connection, [failure(sample_event(3))], NOW)
        kind = one.event_type, one.site_id
        kinds = FailedKinds(("base.page_request", "x"), ("site", "y"), ("",))
        assert queue.failed_kinds(connection, 10) == kinds
        assert queue.failed_kinds(connection, 1) == FailedKinds(("base.page_request",), ("site",), ("",))
        kinds = FailedKinds(("base.page_request",), ("site",), ("",))
        assert queue.failed_kinds(connection, 10, FailedState.RETRYING) == kinds
        for wanted, event in (
            (FailedFilter("x"), other_type),
            (FailedFilter(site_id="y"), other_site),
            (FailedFilter(*kind), one),
        ):
            assert [failed.guid for failed in queue.failed(connection, wanted, 10)] == [event.guid]
        assert queue.failed(connection, FailedFilter("x", "y"), 10) == []

    def test_a_retried_event_starts_anew(self, queue: RetryQueue, connection: Connection) -> None:
        event, other = sample_events(2)
        fail(queue, connection, event, other)
        (was,) = queue.retry(connection, [(event.guid, ""), (event.guid, ""), (12345, "")], NOW + 50)
        assert (was.guid, was.attempts) == (event.guid, 3)
        assert lease(queue, connection, NOW + 49).items == ()
        assert lease(queue, connection, NOW + 50).items == (Item(event, Remaining.EVERYTHING, 0, NOW, None),)
        assert [failed.guid for failed in queue.failed(connection, ALL, 10)] == [other.guid]
        assert queue.status(connection).details == {"waiting": 0, "retrying": 1, "failed": 1}

    def test_who_waited_in_vain_and_is_retried_waits_again(self, queue: RetryQueue, connection: Connection) -> None:
        event = sample_event(0)
        queue.wait(connection, [Waiting(event, KEY)], NOW)
        queue.give_up_waiting(connection, [KEY], "in vain", NOW + 9)
        (failed,) = queue.failed(connection, ALL, 10)
        assert (failed.waited_for, failed.remaining, failed.failed_at) == (KEY, Remaining.SESSION, NOW + 9)
        assert len(queue.retry(connection, [(event.guid, "")], NOW + 50)) == 1
        assert lease(queue, connection, LATER).items == ()
        assert queue.overdue(connection, NOW + 49, 10) == []
        assert queue.overdue(connection, NOW + 50, 10) == [KEY]
        queue.wake(connection, [KEY], NOW + 60)
        assert lease(queue, connection, NOW + 60).items == (Item(event, Remaining.SESSION, 0, NOW, None),)

    def test_a_discarded_event_is_done_with(self, queue: RetryQueue, connection: Connection) -> None:
        failed, orphan, other = sample_events(3)
        queue.wait(connection, [Waiting(orphan, KEY)], NOW)
        queue.give_up_waiting(connection, [KEY], "in vain", NOW)
        fail(queue, connection, failed, other)
        chosen = [(failed.guid, ""), (orphan.guid, ""), (12345, "")]
        assert sorted(was.guid for was in queue.discard(connection, chosen, NOW + 1)) == [failed.guid, orphan.guid]
        assert [left.guid for left in queue.failed(connection, ALL, 10)] == [other.guid]
        assert queue.wake(connection, [KEY], NOW + 2) == 0
        assert (queue.retry(connection, chosen, NOW + 2), queue.discard(connection, chosen, NOW + 2)) == ([], [])
        assert lease(queue, connection, LATER, attempted_before=LATER).items == ()
        assert [kept.event for kept in queue.latest(connection, 10)] == [other]
        assert queue.flush(connection, LATER) == 0  # that can be undone
        assert queue.flush(connection, LATER, NOW + 1) == 0
        assert queue.flush(connection, LATER, NOW + 2) == 2
        assert queue.restore(connection, chosen, NOW + 3) == []

    def test_only_failed_events_are_retried_or_discarded(self, queue: RetryQueue, connection: Connection) -> None:
        waiting, retrying, leased, done = sample_events(4)
        queue.keep(connection, [failure(leased), failure(done)], NOW)
        queue.done(connection, [done], NOW)
        mine = lease(queue, connection, NOW + 30)
        queue.keep(connection, [failure(retrying)], NOW)
        queue.wait(connection, [Waiting(waiting, KEY)], NOW)
        everything = [(guid, "") for guid in range(1, 5)]
        assert (queue.retry(connection, everything, NOW), queue.discard(connection, everything, NOW)) == ([], [])
        queue.confirm(connection, mine)
        assert queue.status(connection).details == {"waiting": 1, "retrying": 2, "failed": 0}

    def test_a_retrying_event_is_due_at_once(self, queue: RetryQueue, connection: Connection) -> None:
        event, failed, waiting = sample_events(3)
        fail(queue, connection, failed)
        queue.keep(connection, [failure(event, attempts=2, retry_at=NOW + 9_000)], NOW)
        queue.wait(connection, [Waiting(waiting, KEY)], NOW)
        keys = [(one.guid, "") for one in (event, failed, waiting)]
        (was,) = queue.retry(connection, keys, NOW + 50, FailedState.RETRYING)
        assert (was.guid, was.attempts, was.due_at) == (event.guid, 2, NOW + 9_000)
        assert lease(queue, connection, NOW + 49).items == ()
        assert lease(queue, connection, NOW + 50).items == (Item(event, Remaining.EVERYTHING, 2, NOW, NOW),)

    def test_a_retrying_event_is_discarded(self, queue: RetryQueue, connection: Connection) -> None:
        event, failed = sample_events(2)
        fail(queue, connection, failed)
        queue.keep(connection, [failure(event)], NOW)
        keys = [(event.guid, ""), (failed.guid, "")]
        (was,) = queue.discard(connection, keys, NOW + 1, FailedState.RETRYING)
        assert (was.guid, was.state) == (event.guid, FailedState.RETRYING)
        assert lease(queue, connection, LATER).items == ()
        assert found(queue, connection, DISCARDED) == [event.guid]
        assert [one.guid for one in queue.restore(connection, keys, NOW + 2)] == [event.guid]
        assert sorted(found(queue, connection, ALL)) == [event.guid, failed.guid]

    @pytest.mark.parametrize("act", ["retry", "discard"])
    def test_a_retrying_event_that_is_leased_is_left_alone(
        self, queue: RetryQueue, connection: Connection, act: str
    ) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event)], NOW)
        mine = lease(queue, connection, NOW + 30)
        assert getattr(queue, act)(connection, [(event.guid, "")], NOW + 31, FailedState.RETRYING) == []
        queue.confirm(connection, mine)
        queue.end_lease(connection, mine, NOW + 40)
        assert len(getattr(queue, act)(connection, [(event.guid, "")], NOW + 41, FailedState.RETRYING)) == 1

    @pytest.mark.parametrize("act", ["retry", "discard"])
    def test_who_held_a_lease_before_is_overtaken(self, queue: RetryQueue, connection: Connection, act: str) -> None:
        event = sample_event(0)
        queue.keep(connection, [failure(event)], NOW)
        slow = lease(queue, connection, NOW + 30)
        fail(queue, connection, event, at=NOW + 31)  # by another drain, after the lease's end
        assert len(getattr(queue, act)(connection, [(event.guid, "")], NOW + 32)) == 1
        with pytest.raises(Overtaken):
            queue.confirm(connection, slow)
        assert queue.owners(connection) == []

    # Filters

    def test_each_field_of_a_filter(self, queue: RetryQueue, connection: Connection) -> None:
        one, two = sample_events(2)
        two = replace(two, event_type="x", site_id="y", server=9)
        queue.keep(connection, [replace(failure(one, retry_at=None), error="Timeout: at 100%_of it")], NOW)
        queue.keep(connection, [replace(failure(two, retry_at=None), handler="m:h", error="KeyError: 'a'")], NOW + 5)
        for wanted in (
            FailedFilter(event_type=one.event_type),
            FailedFilter(site_id=one.site_id),
            FailedFilter(handler=""),
            FailedFilter(server=one.server),
            FailedFilter(error="timeout"),
            FailedFilter(error="IT  100%_of"),
            FailedFilter(fingerprint=fingerprint("Timeout: at 7%_of it")),
            FailedFilter(until=NOW + 5),
            FailedFilter(guid=one.guid),
            FailedFilter(session_id=one.session_id),
            FailedFilter(visitor_id=one.visitor_id),
        ):
            assert found(queue, connection, wanted) == [one.guid], wanted
        for wanted in (FailedFilter(since=NOW + 1), FailedFilter(handler="m:h"), FailedFilter(error="key 'A'")):
            assert found(queue, connection, wanted) == [two.guid], wanted
        for wanted in (
            FailedFilter(error="100_"),
            FailedFilter(error="timeout key"),
            FailedFilter(error="\\"),
            FailedFilter(since=NOW + 6),
            FailedFilter(session_id=one.session_id, guid=two.guid),
            replace(ALL, state=FailedState.DISCARDED),
        ):
            assert found(queue, connection, wanted) == [], wanted

    def test_a_retrying_event_is_found_with_its_error(self, queue: RetryQueue, connection: Connection) -> None:
        core, delivery, waiting, new = sample_events(4)
        queue.enqueue(connection, [Delivery(delivery, "m:h"), Delivery(new, "m:h")], NOW)
        queue.keep(connection, [replace(failure(delivery), handler="m:h", remaining=Remaining.DELIVERY)], NOW + 1)
        queue.keep(connection, [failure(core), failure(waiting)], NOW)
        queue.wait(connection, [Waiting(waiting, KEY)], NOW)
        assert found(queue, connection, RETRYING) == [delivery.guid, core.guid]
        for wanted in (FailedFilter(handler="m:h"), FailedFilter(handler="m:h", server=delivery.server, error="no")):
            assert found(queue, connection, replace(wanted, state=FailedState.RETRYING)) == [delivery.guid]
        for wanted in (
            FailedFilter("x"),
            FailedFilter(site_id="x"),
            FailedFilter(fingerprint="x"),
            FailedFilter(guid=12345),
        ):
            assert found(queue, connection, replace(wanted, state=FailedState.RETRYING)) == []
        assert found(queue, connection, replace(RETRYING, handler="m:h")) == [delivery.guid]
        assert found(queue, connection, replace(RETRYING, session_id=core.session_id)) == [core.guid]
        known = queue.find_failed(connection, (delivery.guid, "m:h"))
        assert known is not None
        assert (known.state, known.error, known.due_at) == (FailedState.RETRYING, "ValueError: no", NOW + 30)
        queue.done(connection, [core], NOW + 2)
        assert found(queue, connection, RETRYING) == [delivery.guid]
        assert queue.find_failed(connection, (core.guid, "")) is None

    def test_rare_ones_are_found_step_by_step(self, queue: RetryQueue, connection: Connection) -> None:
        events = sample_events(MOST + 1_000)
        rare = replace(failure(events[0], retry_at=None), error="rare")
        queue.keep(connection, [rare, *(failure(event, retry_at=None) for event in events[1:])], NOW)
        wanted, places, steps, before = FailedFilter(error="rare"), [], 0, None
        while True:
            steps += 1
            last = queue.failed_reach(connection, wanted, before)
            places += queue.failed_places(connection, wanted, 10, before, last)
            if last is None:
                break
            before = last
        assert [place[1] for place in places] == [events[0].guid]
        assert steps < 100
        counted = queue.count_failed(connection, wanted)
        assert counted.number == 1 or counted == Capped(0, has_more=True)
        assert queue.count_failed(connection, ALL) == Capped(MOST, has_more=True)

    # Groups

    def test_events_with_the_same_error_are_a_group(self, queue: RetryQueue, connection: Connection) -> None:
        events = sample_events(4)
        errors = ("no row 1", "no row 22", "other", "no row 3")
        for number, (event, error) in enumerate(zip(events, errors, strict=True)):
            site = replace(event, site_id=f"s{number % 2}")
            kept = replace(failure(site, retry_at=None), error=error, handler="m:h" if number == 3 else "")
            queue.keep(connection, [kept], NOW + number)
        queue.keep(connection, [replace(failure(sample_event(9)), error="retrying")], NOW)
        same, other = queue.failed_groups(connection, 10)
        assert (same.error, same.count, same.first_at, same.last_at) == ("no row 3", Capped(3), NOW, NOW + 3)
        assert (same.handlers, same.site_ids) == (("", "m:h"), ("s0", "s1"))
        assert (other.error, other.count) == ("other", Capped(1))
        assert queue.failed_groups(connection, 1) == [same]
        wanted = FailedFilter(fingerprint=same.fingerprint)
        assert found(queue, connection, wanted) == [events[3].guid, events[1].guid, events[0].guid]
        queue.retry(connection, [place[1:] for place in queue.failed_places(connection, wanted, 9)], NOW + 5)
        assert queue.failed_groups(connection, 10) == [other]

    # Attempts

    def test_every_attempt_is_told_the_last_first(self, queue: RetryQueue, connection: Connection) -> None:
        event, other = sample_events(2)
        for number in range(1, 4):
            kept = failure(event, attempts=number, retry_at=NOW + number if number < 3 else None)
            kept = replace(kept, error=f"no {number}", trace=f"t{number}", duration=number, process="here:1")
            queue.keep(connection, [kept, replace(kept, handler="m:h", error="theirs")], NOW + number)
        queue.keep(connection, [failure(other)], NOW)
        told = [Attempt(number, NOW + number, f"no {number}", f"t{number}", "here:1", number) for number in (3, 2, 1)]
        assert queue.attempts(connection, (event.guid, "")) == told
        assert [attempt.error for attempt in queue.attempts(connection, (event.guid, "m:h"))] == ["theirs"] * 3
        assert queue.attempts(connection, (12345, "")) == []
        queue.retry(connection, [(event.guid, "")], NOW + 9)
        queue.keep(connection, [failure(event)], NOW + 10)
        assert [attempt.number for attempt in queue.attempts(connection, (event.guid, ""))] == [4, 3, 2, 1]

    def test_attempts_are_bounded_and_go_with_the_event(self, queue: RetryQueue, connection: Connection) -> None:
        event, other = sample_events(2)
        for number in range(ATTEMPTS_KEPT + 3):
            queue.keep(connection, [replace(failure(event), trace="long " * LONGEST_TRACE)], NOW + number)
        queue.keep(connection, [failure(other)], NOW)
        kept = queue.attempts(connection, (event.guid, ""))
        assert [attempt.number for attempt in kept] == list(range(ATTEMPTS_KEPT + 3, 3, -1))
        assert all(len(attempt.trace) < LONGEST_TRACE + 10 for attempt in kept)
        queue.done(connection, [event], NOW + 100)
        queue.flush(connection, NOW + 100)
        assert len(queue.attempts(connection, (event.guid, ""))) == ATTEMPTS_KEPT
        assert queue.flush(connection, NOW + 101) == 1
        assert queue.attempts(connection, (event.guid, "")) == []
        assert len(queue.attempts(connection, (other.guid, ""))) == 1

    @pytest.mark.parametrize("text", AWKWARD_TEXTS, ids=range(len(AWKWARD_TEXTS)))
    def test_awkward_errors(self, queue: RetryQueue, connection: Connection, text: str) -> None:
        event = sample_event(0)
        queue.keep(connection, [Failure(event, Remaining.EVERYTHING, text, text, 1, NOW, None)], NOW)
        (group,) = queue.failed_groups(connection, 10)
        assert group.error == text
        assert found(queue, connection, FailedFilter(fingerprint=group.fingerprint)) == [event.guid]
        assert queue.attempts(connection, (event.guid, ""))[0].error == text
        found(queue, connection, FailedFilter(error=text[:300]))

    # Undo

    def test_a_discard_is_undone(self, queue: RetryQueue, connection: Connection) -> None:
        failed, orphan = sample_events(2)
        queue.wait(connection, [Waiting(orphan, KEY)], NOW)
        queue.give_up_waiting(connection, [KEY], "in vain", NOW)
        fail(queue, connection, failed, at=NOW + 1)
        before = queue.failed(connection, ALL, 10)
        chosen = [failed.key for failed in before]
        queue.discard(connection, chosen, NOW + 5)
        gone = queue.failed(connection, DISCARDED, 10)
        assert found(queue, connection, DISCARDED) == [orphan.guid, failed.guid]
        assert {one.state for one in gone} == {FailedState.DISCARDED}
        assert {one.discarded_at for one in gone} == {NOW + 5}
        assert [one.waited_for for one in gone] == [KEY, ""]
        assert queue.restore(connection, [*chosen, (12345, "")], NOW + 6) == sorted(gone, key=lambda one: one.guid)
        assert queue.failed(connection, ALL, 10) == before
        assert found(queue, connection, DISCARDED) == []
        assert queue.restore(connection, chosen, NOW + 7) == []
        assert queue.flush(connection, LATER, LATER) == 0
        assert queue.wake(connection, [KEY], NOW + 8) == 1

    def test_what_is_finished_is_not_restored(self, queue: RetryQueue, connection: Connection) -> None:
        done, retrying, failed = sample_events(3)
        queue.keep(connection, [failure(done), failure(retrying)], NOW)
        queue.done(connection, [done], NOW)
        fail(queue, connection, failed)
        assert queue.restore(connection, [(guid, "") for guid in (1, 2, 3)], NOW) == []

    def test_a_discarded_event_that_comes_again_is_discarded_no_more(
        self, queue: RetryQueue, connection: Connection
    ) -> None:
        failing, waiting = sample_events(2)
        fail(queue, connection, failing, waiting)
        queue.discard(connection, [(failing.guid, ""), (waiting.guid, "")], NOW + 1)
        queue.keep(connection, [failure(failing)], NOW + 2)
        queue.wait(connection, [Waiting(waiting, OTHER_KEY)], NOW + 2)
        assert found(queue, connection, DISCARDED) == []
        assert queue.restore(connection, [(failing.guid, ""), (waiting.guid, "")], NOW + 3) == []
        queue.done(connection, [failing, waiting], NOW + 4)
        assert queue.flush(connection, NOW + 5) == 2
