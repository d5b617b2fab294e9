"""How full the queues were: what is noted each minute, and what has left them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from owa.app import Installation, open_installation
from owa.clock import FixedClock, SystemClock
from owa.contributions import INCOMING, PROCESSING
from owa.db import history, jobs
from owa.db import ledger as stored
from owa.db.history import AGE, MINUTE, SHARED, Sample
from owa.db.migrate import upgrade
from owa.db.modules import processes
from owa.delivery.deliveries import Deliveries
from owa.events import Refusal, RefusalReason
from owa.presence import Presence
from owa.processing.sampling import is_left_to_cron
from owa.scheduler.jobs import Jobs
from owa.version import VERSION
from tests.page_views import NOON, page_view
from tests.postgresql import NewUrl


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def installation(tmp_path: Path, new_url: NewUrl, clock: FixedClock) -> Iterator[Installation]:
    variables = {"OWA_DATA_DIR": str(tmp_path), "OWA_DATABASE_URL": new_url(), "OWA_SERVER_NUMBER": "7"}
    installation = open_installation(variables, {}, clock)
    upgrade(installation.database)
    yield installation
    installation.close()


def regular(installation: Installation) -> Jobs:
    return Jobs(
        installation.incoming,
        installation.retries,
        installation.processor,
        installation.database,
        installation.runs("scheduler"),
        lambda: installation.configuration.current().settings,
        Deliveries(installation),
        installation.clock,
    )


def figures(installation: Installation, queue: str, server: int) -> list[tuple[int, int, int, int | None]]:
    """Depth, taken, done and age of each sample."""
    with installation.database.reading() as connection:
        found = history.samples(connection, queue, server, 0)
    return [(sample.depth, sample.taken, sample.done, sample.oldest_age) for sample in found]


def test_what_comes_and_goes_is_counted(installation: Installation, clock: FixedClock) -> None:
    jobs_ = regular(installation)
    opened, waiting = page_view(1, first=True, session=1), page_view(2, session=2)
    other = replace(page_view(3, first=True, session=3), server=9)  # sent by another server
    installation.incoming.put([opened, waiting, other, Refusal(RefusalReason.ROBOT, "", opened.received_at, 7)])
    for _ in range(2):
        jobs_.sample()
        jobs_.sample_processing()
        jobs_.drain()
        clock.move(60)
    installation.incoming.put([page_view(4, at=-1, first=True, session=2)])
    jobs_.drain()
    jobs_.sample()
    jobs_.sample_processing()
    age = (NOON - opened.received_at) // 1_000_000
    assert figures(installation, INCOMING, 7) == [(3, 3, 0, age), (0, 3, 3, None), (0, 4, 4, None)]
    assert figures(installation, PROCESSING, SHARED) == [(0, 0, 0, None), (1, 1, 0, 60), (0, 1, 1, None)]


def test_an_event_that_was_in_no_queue_has_left_none(installation: Installation) -> None:
    installation.processor.store_now(page_view(1, first=True), 1.0)
    regular(installation).sample()
    assert figures(installation, INCOMING, 7) == [(0, 0, 0, None)]


def test_the_last_sample_of_a_minute_stays(installation: Installation, clock: FixedClock) -> None:
    for count in (1, 2):
        installation.incoming.put([page_view(count)])
        regular(installation).sample()
        clock.move(1)
    assert [depth for depth, *_ in figures(installation, INCOMING, 7)] == [2]


def fill(installation: Installation, minutes: range, server: int = 7) -> None:
    with installation.database.writing() as connection:
        for minute in minutes:
            history.count_done(connection, INCOMING, server, 10)
            history.note(connection, INCOMING, server, minute * MINUTE, minute % 7, minute * MINUTE - 5_000_000)


def test_several_minutes_become_one(installation: Installation) -> None:
    fill(installation, range(1_000, 1_020))
    fill(installation, range(1_000, 1_003), server=8)
    with installation.database.reading() as connection:
        found = history.samples(connection, INCOMING, 7, 1_003, step=10)
        latest = history.latest(connection, INCOMING, 1_000)
    assert [(one.minute, one.depth, one.oldest_age, one.done) for one in found] == [
        (1_009, 6, 5, 100),
        (1_019, 6, 5, 200),
    ]
    assert latest == [
        Sample(INCOMING, 7, 1_019, 1_019 % 7, 5, 200 + 1_019 % 7, 200),
        Sample(INCOMING, 8, 1_002, 1_002 % 7, 5, 30 + 1_002 % 7, 30),
    ]


def test_old_samples_are_cleaned_away(installation: Installation, clock: FixedClock) -> None:
    regular(installation).sample()
    clock.move(AGE - 60)
    assert regular(installation).clean()["samples"] == 0
    clock.move(121)
    assert regular(installation).clean()["samples"] == 1


def test_cron_samples_where_no_scheduler_does(installation: Installation, clock: FixedClock) -> None:
    assert is_left_to_cron(installation.database, 7, clock.now())
    next(job for job in regular(installation).all(2) if job.name == "sample").run()
    clock.move(100)
    assert not is_left_to_cron(installation.database, 7, clock.now())
    assert is_left_to_cron(installation.database, 8, clock.now())
    clock.move(100)
    assert is_left_to_cron(installation.database, 7, clock.now())


def test_a_verification_is_kept_and_replaces_the_one_before(installation: Installation, clock: FixedClock) -> None:
    installation.incoming.put([replace(page_view(1, first=True), server=7, guid=1_795_262_400_007_000_001)])
    regular(installation).verify()
    regular(installation).drain()
    clock.move(60)
    regular(installation).verify()
    with installation.database.reading() as connection:
        (line,) = stored.stored_lines(connection)
        run = jobs.last(connection, "verify")
    assert (line.site_id, line.verified_at) == ("s1", NOON + MINUTE)
    assert {name: count for name, count in line.figures.items() if count} == {"took": 1, "processed": 1}
    assert run
    assert run.figures == {"lines": 1}


def test_each_process_tells_how_it_is(installation: Installation, clock: FixedClock) -> None:
    before = SystemClock().now()
    Presence(installation.database, clock, 7, installation.configuration).note()
    with installation.database.reading() as connection:
        (process,) = processes(connection, 0)
    assert (process.version, process.mode, process.server) == (VERSION, "synchronous", 7)
    if "postgresql" in str(installation.database.url):
        assert process.skew is not None
        assert before <= clock.now() + process.skew <= SystemClock().now()  # the server is on this machine
    else:
        assert process.skew is None
