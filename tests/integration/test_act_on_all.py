"""Retry, discard and undo of all failed events that match: exact, once, and in the background."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag

import pytest
from sqlalchemy import Connection, update

from owa.clock import SystemClock
from owa.db import failed_acts
from owa.db.counts import Outcome
from owa.db.failed_acts import FAILED_ACT
from owa.errors import HeldByAnother
from owa.events import Event
from owa.processing import act_on_all
from owa.processing.act_on_all import ActOnAll, dumped, loaded
from owa.processing.acts import Act
from owa.queues.contract import FailedFilter, FailedState, Failure, Remaining
from tests.page_views import Processing, counts, open_processing, page_view
from tests.postgresql import NewUrl

EVENTS = 1_203


@pytest.fixture
def processing(tmp_path: Path, new_url: NewUrl) -> Iterator[Processing]:
    opened = open_processing(tmp_path, url=new_url())
    events = [replace(page_view(number), event_type="x.a" if number % 3 else "x.b") for number in range(EVENTS)]
    keep(opened, events)
    yield opened
    opened.database.close()


def keep(processing: Processing, events: list[Event]) -> None:
    failures = [Failure(event, Remaining.EVERYTHING, "no", "", 1, 1, None) for event in events]
    with processing.database.writing() as connection:
        processing.retries.keep(connection, failures, processing.clock.now())


def nothing(_connection: Connection, _done: int) -> None:
    return None


def run(processing: Processing, act: Act, wanted: FailedFilter, note: act_on_all.Note = nothing) -> int:
    acts = ActOnAll(processing.database, processing.retries, processing.clock)
    number, _total, frozen = acts.begin(act, wanted, "boss", note)
    return acts.run(number, act, frozen, note)


def count(processing: Processing, state: FailedState) -> int:
    with processing.database.reading() as connection:
        return processing.retries.count_failed(connection, FailedFilter(state=state)).number


def test_all_that_match_and_nothing_else(processing: Processing) -> None:
    noted: list[int] = []
    wanted = FailedFilter(event_type="x.a")
    assert run(processing, Act.RETRY, wanted, lambda _connection, done: noted.append(done)) == EVENTS // 3 * 2
    assert count(processing, FailedState.FAILED) == EVENTS // 3
    assert count(processing, FailedState.RETRYING) == EVENTS // 3 * 2
    assert noted == [0, 500, EVENTS // 3 * 2]
    with processing.database.reading() as connection:
        act = failed_acts.latest(connection)
    assert act is not None
    assert (act.total, act.done, act.passed_over, act.result) == (802, 802, 0, "done")
    assert loaded(act.wanted).event_type == "x.a"


def test_discard_and_undo_leave_the_ledger_as_it_was(processing: Processing) -> None:
    assert run(processing, Act.DISCARD, FailedFilter()) == EVENTS
    assert counts(processing.database, Outcome.DISCARDED) == {("s1", "everything"): EVENTS}
    assert run(processing, Act.RESTORE, FailedFilter(event_type="x.b")) == EVENTS // 3
    assert counts(processing.database, Outcome.DISCARDED) == {("s1", "everything"): EVENTS // 3 * 2}
    assert run(processing, Act.RESTORE, FailedFilter()) == EVENTS // 3 * 2
    assert counts(processing.database, Outcome.DISCARDED) == {("s1", "everything"): 0}
    assert count(processing, FailedState.FAILED) == EVENTS


def test_what_fails_again_meanwhile_is_not_taken_twice(processing: Processing) -> None:
    def fail_again(_connection: Connection, done: int) -> None:
        if done:
            processing.clock.move(1)
            again = Failure(page_view(EVENTS + done), Remaining.EVERYTHING, "no", "", 1, 1, None)
            processing.retries.keep(_connection, [again], processing.clock.now())

    assert run(processing, Act.RETRY, FailedFilter(), fail_again) == EVENTS
    assert count(processing, FailedState.FAILED) == 3


def test_one_at_a_time(processing: Processing) -> None:
    acts = ActOnAll(processing.database, processing.retries, processing.clock)
    number, _total, wanted = acts.begin(Act.RETRY, FailedFilter(), "boss", nothing)
    with pytest.raises(HeldByAnother):
        acts.begin(Act.DISCARD, FailedFilter(), "eve", nothing)
    with processing.database.writing() as connection:  # as if another machine had begun it, and gone silent
        connection.execute(update(FAILED_ACT).values(process="elsewhere:1"))
    processing.clock.move(failed_acts.SILENCE + 1)
    assert run(processing, Act.DISCARD, FailedFilter(event_type="x.b")) == EVENTS // 3
    with pytest.raises(HeldByAnother):
        acts.run(number, Act.RETRY, wanted, nothing)
    assert count(processing, FailedState.FAILED) == EVENTS // 3 * 2, "its chunk was rolled back"


def test_it_goes_on_in_the_background_and_stops_after_a_chunk(processing: Processing) -> None:
    acts = ActOnAll(processing.database, processing.retries, SystemClock())
    reached, go_on = Flag(), Flag()

    def hold(_connection: Connection, done: int) -> None:
        if done:
            reached.set()
            assert go_on.wait(30)

    assert acts.start(Act.RETRY, FailedFilter(), "boss", hold) == EVENTS
    assert reached.wait(30)
    assert not acts.wait(0)
    acts._is_stopped.set()
    go_on.set()
    acts.stop()
    with processing.database.reading() as connection:
        act = failed_acts.latest(connection)
    assert act is not None
    assert (act.done, act.result, act.detail) == (500, "stopped", "The server was stopped.")
    assert count(processing, FailedState.FAILED) == EVENTS - act.done


def test_filters_are_stored() -> None:
    wanted = FailedFilter("x", "y", "", 3, "words", "f", 1, 2, 3, 4, 5, FailedState.DISCARDED)
    assert loaded(dumped(wanted)) == wanted
