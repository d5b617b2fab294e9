"""Queues and jobs that an admin has paused: nothing of them is processed, and nothing is lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from owa.accounts.audit import Actor, latest
from owa.analytics.tables import REQUEST, SESSION
from owa.app import Installation, open_installation
from owa.clock import FixedClock
from owa.contributions import INCOMING, PROCESSING
from owa.db import jobs, pauses
from owa.db.configuration import add_site
from owa.db.migrate import upgrade
from owa.db.pauses import JOB, QUEUE, Pause
from owa.errors import QueuePaused, UsageError
from owa.pausing import pause, resume
from owa.processing.drain import BATCH, drain_events, drain_retries
from owa.scheduler.paused import PausedJobs
from tests.page_views import NOON, page_view, rows
from tests.postgresql import NewUrl

ADA = Actor("ada")
DAY = 86_400


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def installation(tmp_path: Path, new_url: NewUrl, clock: FixedClock) -> Iterator[Installation]:
    environment = {"OWA_DATA_DIR": str(tmp_path / "data"), "OWA_DATABASE_URL": new_url()}
    opened = open_installation(environment, {}, clock)
    upgrade(opened.database)
    with opened.database.writing() as connection:
        add_site(connection, "http://shop.example")
    yield opened
    opened.close()


def drain(installation: Installation) -> str:
    """Drain what can be; returns why it stopped early."""
    drained = drain_events(installation.incoming, installation.processor)
    assert drained.outage is None
    return str(drained.paused or "")


def stored(installation: Installation) -> int:
    return len(rows(installation.database, REQUEST))


def test_a_paused_queue_takes_events_and_gives_none_out_until_it_is_resumed(installation: Installation) -> None:
    assert pause(installation, QUEUE, INCOMING, ADA, "a migration")
    installation.incoming.put([page_view(1, first=True)])
    told = "ada has paused the queue incoming_tracking_events at 2026-11-21 12:00:00 UTC: a migration."
    assert drain(installation) == told
    assert stored(installation) == 0
    assert installation.incoming.status().depth == 1
    assert not pause(installation, QUEUE, INCOMING, Actor("bob"))  # it is ada's
    ended = resume(installation, QUEUE, INCOMING, ADA)
    assert ended == Pause(QUEUE, INCOMING, NOON, "ada", "a migration")
    assert drain(installation) == ""
    assert stored(installation) == 1
    assert resume(installation, QUEUE, INCOMING, ADA) is None


def test_a_drain_under_way_stops_before_its_next_batch(installation: Installation) -> None:
    installation.incoming.put([page_view(number, session=number, first=True) for number in range(1, BATCH + 2)])
    drained = drain_events(
        installation.incoming,
        installation.processor,
        progress=lambda _count: Thread(target=pause, args=(installation, QUEUE, INCOMING, ADA)).run(),
    )
    assert (drained.report.processed, drained.paused is not None) == (BATCH, True)
    resume(installation, QUEUE, INCOMING, ADA)
    assert drain(installation) == ""
    assert stored(installation) == BATCH + 1


def test_a_paused_processing_queue_keeps_what_is_woken(installation: Installation) -> None:
    installation.incoming.put([page_view(2, at=2)])
    drain(installation)
    pause(installation, QUEUE, PROCESSING, ADA)
    installation.incoming.put([page_view(1, first=True)])
    assert drain(installation) == ""  # that one is not paused
    drained = drain_retries(installation.processor, force=True, sweep=True)
    assert drained.paused is not None
    assert [row["num_pageviews"] for row in rows(installation.database, SESSION)] == [1]
    resume(installation, QUEUE, PROCESSING, ADA)
    assert drain_retries(installation.processor).report.processed == 1
    assert [row["num_pageviews"] for row in rows(installation.database, SESSION)] == [2]


def test_an_event_of_synchronous_mode_is_not_stored_past_a_paused_queue(installation: Installation) -> None:
    pause(installation, QUEUE, INCOMING, ADA)
    with pytest.raises(QueuePaused, match="ada"):
        installation.processor.store_now(page_view(1, first=True), 1.0)
    assert stored(installation) == 0


def is_adopted(installation: Installation) -> bool:
    drain(installation)
    return bool(rows(installation.database, SESSION))


@pytest.mark.parametrize("queue", [INCOMING, PROCESSING])
def test_what_waits_does_not_age_while_a_queue_is_paused(
    installation: Installation, clock: FixedClock, queue: str
) -> None:
    installation.incoming.put([page_view(2)])
    assert not is_adopted(installation)
    clock.move(DAY // 2)
    pause(installation, QUEUE, queue, ADA)
    clock.move(3 * DAY)
    assert not is_adopted(installation)
    resume(installation, QUEUE, queue, ADA)
    clock.move(DAY // 2 - 1)
    assert not is_adopted(installation)
    clock.move(1)
    assert is_adopted(installation)


@pytest.mark.parametrize("first", [INCOMING, PROCESSING])
@pytest.mark.parametrize("is_nested", [False, True], ids=["overlapping", "nested"])
def test_the_time_of_two_pauses_counts_once(
    installation: Installation, clock: FixedClock, first: str, is_nested: bool
) -> None:
    installation.incoming.put([page_view(2)])
    drain(installation)
    second = PROCESSING if first == INCOMING else INCOMING
    pause(installation, QUEUE, first, ADA)
    clock.move(DAY)
    pause(installation, QUEUE, second, ADA)
    clock.move(DAY)
    for queue in (second, first) if is_nested else (first, second):
        resume(installation, QUEUE, queue, ADA)
        clock.move(DAY // 4)
    moved = DAY // 4  # after the last resume
    assert not is_adopted(installation)
    clock.move(DAY - moved - 1)
    assert not is_adopted(installation)
    clock.move(1)
    assert is_adopted(installation)


def test_an_outage_before_a_pause_counts_as_far_as_that(installation: Installation, clock: FixedClock) -> None:
    installation.incoming.put([page_view(2)])
    drain(installation)
    installation.processor.pause.begin()
    clock.move(2 * DAY)
    pause(installation, QUEUE, INCOMING, ADA)
    drain(installation)
    clock.move(2 * DAY)
    drain(installation)
    resume(installation, QUEUE, INCOMING, ADA)
    clock.move(DAY - 1)
    assert not is_adopted(installation)
    clock.move(1)
    assert is_adopted(installation)


def test_a_drain_that_finds_its_queue_paused_is_no_run(installation: Installation) -> None:
    pause(installation, QUEUE, INCOMING, ADA)
    runs = installation.runs("scheduler")
    drained = runs.drain("drain", lambda: drain_events(installation.incoming, installation.processor))
    assert drained.paused is not None
    with installation.database.reading() as connection:
        assert jobs.latest(connection, 10) == []


def test_a_paused_job_is_known_and_an_outage_changes_nothing(installation: Installation) -> None:
    known = PausedJobs(installation.database)
    assert known.find("clean") is None
    pause(installation, JOB, "clean", ADA)
    assert known.find("clean") is not None
    with installation.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE owa_pause RENAME TO elsewhere")
    assert known.find("clean") is not None
    assert known.find("sweep") is None


@pytest.mark.parametrize(("kind", "name"), [(QUEUE, "incoming"), (JOB, "draim"), (QUEUE, ""), (JOB, INCOMING)])
def test_what_there_is_not_cannot_be_paused(installation: Installation, kind: str, name: str) -> None:
    with pytest.raises(UsageError, match=f"There is no {kind}"):
        pause(installation, kind, name, ADA)
    with installation.database.reading() as connection:
        assert pauses.paused(connection) == {}


def test_a_pause_of_a_job_that_is_gone_can_be_ended(installation: Installation) -> None:
    with installation.database.writing() as connection:
        pauses.pause(connection, Pause(JOB, "gone", NOON, "ada"))
    assert resume(installation, JOB, "gone", ADA) is not None


def test_both_are_in_the_audit_trail(installation: Installation) -> None:
    pause(installation, QUEUE, PROCESSING, ADA, "why\0not")
    resume(installation, QUEUE, PROCESSING, Actor("bob"))
    with installation.database.reading() as connection:
        resumed, paused = latest(connection, 2)
    assert (paused.actor, paused.action, paused.subject, paused.after) == (
        ADA,
        "pause queue",
        PROCESSING,
        {"note": "whynot"},
    )
    assert (resumed.actor.user_id, resumed.action) == ("bob", "resume queue")
    assert json.dumps(dict(resumed.before)) == '{"paused by": "ada", "note": "whynot"}'
