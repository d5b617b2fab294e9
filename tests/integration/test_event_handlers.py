"""Event handlers of third parties in their child processes: whatever they do hurts themselves only."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from owa.accounts.audit import Actor
from owa.app import Installation, open_installation
from owa.clock import FixedClock
from owa.contributions import PROCESSING
from owa.db.configuration import add_site, store_settings
from owa.db.migrate import upgrade
from owa.db.modules import Switch, stored_modules
from owa.db.pauses import QUEUE
from owa.delivery.deliveries import Deliveries
from owa.events import Event
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.pausing import pause, resume
from owa.processing.drain import drain_events
from owa.processing.report import Report
from owa.switching import switch_off, switch_on
from tests.handlers import MISBEHAVING, TABLE, guids, module, rows
from tests.packages import install_package
from tests.page_views import NOON, page_view
from tests.postgresql import NewUrl
from tests.servers import wait_until

ME = Actor("me")

REASONS = {
    "raise": "ValueError: the basket is empty",
    "raise what cannot be shown": "Silent, which cannot say what it is about",
    "interrupt": "KeyboardInterrupt",
    "exit": "it called sys.exit (SystemExit: 3)",
    "end": "it ended its process (exit status 4)",
    "end later": "it ended its process (exit status 7)",
    "crash": "its process was ended by SIGSEGV",
    "loop": "it did not end within 2 s",
    "hold the interpreter": "it did not end within 2 s",
    "eat memory": "it needed more than 400 MB (base.handler_memory)",
    "close all": "it ended its process",
    "return nothing": "it returned None: wants a list of statements",
    "return a word": "wants statements of SQLAlchemy",
    "yield and raise": "ZeroDivisionError",
    "store nowhere": "nowhere",
    "store nonsense": "INSRT",
    "store for ever": "what it stores for one event did not end within 5 s",
    "write while reading": "read",
}
"""What is said of an event that a handler misbehaves with."""

TRACES = {
    "raise": "in misbehave",
    "end": "these were its last words",
    "crash": "string_at",
    "loop": "in misbehave",
    "hold the interpreter": "in misbehave",
}
"""Where it did."""

ABOUT_DATABASES = {"raise", "loop", "store nowhere", "store nonsense", "store for ever", "write while reading"}
"""What may go differently with another database."""


def view(number: int, how: str = "") -> Event:
    """One that opens a session of its own. `how` the handler is to misbehave."""
    event = page_view(number, session=number, first=True)
    return replace(event, properties={**event.properties, "how": how}) if how else event


@contextmanager
def opened(url: str, folder: Path, *modules: str) -> Iterator[Installation]:
    """A new installation with these modules on, each of which has a table for its rows."""
    environment = {
        "OWA_DATA_DIR": str(folder / "data"),
        "OWA_DATABASE_URL": url,
        "OWA_HANDLER_TIMEOUT": "2",
        "OWA_HANDLER_MEMORY": "400",
    }
    installation = open_installation(environment, {}, FixedClock(NOON))  # so that nothing is tried again meanwhile
    upgrade(installation.database)
    with installation.database.writing() as connection:
        for name in modules:
            connection.exec_driver_sql(TABLE.format(name=name))
    installation.configuration.refresh()
    for name in modules:
        switch_on(installation, name, ME)
    yield installation
    installation.close()


def store(installation: Installation, events: list[Event]) -> None:
    """Have the core process them."""
    installation.incoming.put(events)
    drained = drain_events(installation.incoming, installation.processor)
    assert (drained.outage, drained.report.processed) == (None, len(events))


def rows_of(installation: Installation, name: str) -> list[int]:
    with installation.database.reading() as connection:
        return rows(connection, name)


def items(installation: Installation) -> dict[int, Any]:
    """What the processing queue has, by guid."""
    with installation.database.reading() as connection:
        return {row["id"]: row for row in connection.execute(select(QUEUE_ITEM)).mappings()}


@dataclass(frozen=True)
class Outcome:
    """What came of many events, some of which a handler misbehaves with."""

    report: Report
    good: list[Event]
    bad: dict[str, Event]
    """By how it does."""
    rows: list[int]
    items: dict[int, Any]
    module: Any


@pytest.fixture(scope="module")
def outcome(new_url: NewUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    url = new_url()
    ways = [how for how in REASONS if how in ABOUT_DATABASES or url.startswith("sqlite")]
    folder = tmp_path_factory.mktemp("outcome")
    install_package(folder, "wild", module("wild", MISBEHAVING))
    bad = {how: view(2 * number, how=how) for number, how in enumerate(ways, 1)}
    good = [view(2 * number + 1) for number in range(len(bad) + 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        with opened(url, folder, "wild") as installation:
            store(installation, sorted([*good, *bad.values()], key=lambda event: event.guid))
            drained = Deliveries(installation).drain()
            assert drained.outage is None
            with installation.database.reading() as connection:
                about = stored_modules(connection)["wild"]
            kept = items(installation)
            yield Outcome(drained.report, good, bad, rows_of(installation, "wild"), kept, about)


def test_nothing_is_delivered_while_the_processing_queue_is_paused(
    new_url: NewUrl, tmp_path: Path, packages: Path
) -> None:
    install_package(packages, "wild", module("wild", MISBEHAVING))
    with opened(new_url(), tmp_path, "wild") as installation:
        store(installation, [view(1)])
        deliveries = Deliveries(installation)
        pause(installation, QUEUE, PROCESSING, ME)
        for drained in (deliveries.drain(force=True), deliveries.wake()):
            assert (drained.paused is not None, drained.report.events) == (True, 0)
        assert rows_of(installation, "wild") == []
        resume(installation, QUEUE, PROCESSING, ME)
        assert deliveries.drain().report.processed == 1
        assert rows_of(installation, "wild") == guids([view(1)])
        deliveries.stop()


def test_who_behaves_is_delivered_exactly_once(outcome: Outcome) -> None:
    assert outcome.rows == guids(outcome.good)
    for event in outcome.good:
        assert outcome.items[event.guid]["status"] == "handled"
        assert outcome.items[event.guid]["handled_by"]
        assert outcome.items[event.guid]["handler_duration"] >= 0


@pytest.mark.parametrize("how", REASONS)
def test_what_a_handler_does_hurts_that_event_only(outcome: Outcome, how: str) -> None:
    if how not in outcome.bad:
        pytest.skip("it is the same with every database")
    row = outcome.items[outcome.bad[how].guid]
    assert REASONS[how] in row["last_error_msg"]
    assert TRACES.get(how, "") in (row["last_error_trace"] or "")
    assert (row["status"], row["failed_attempt_count"]) == ("unhandled", 1)
    assert row["not_before_timestamp"] > NOON
    assert row["owner"] is None


def test_all_that_is_reported(outcome: Outcome) -> None:
    assert outcome.report.figures() == {"processed": len(outcome.good), "retrying": len(outcome.bad)}


def test_a_module_that_works_in_between_is_not_switched_off(outcome: Outcome) -> None:
    assert outcome.module.switch is Switch.ON


# One module misbehaves in every way, whatever it is given; another one does its work

WAYS = ("raise", "loop", "exit", "end", "eat memory")

HOSTILE = f"""{MISBEHAVING}

WAYS = {WAYS}

def handle(event, context):
    return misbehave(WAYS[event.guid % 5], event, context)
"""


@pytest.fixture
def hostile(packages: Path, tmp_path: Path) -> Iterator[Installation]:
    install_package(packages, "hostile", module("hostile", HOSTILE))
    install_package(packages, "shop", module("shop"))
    with opened(f"sqlite:///{tmp_path / 'owa.db'}", tmp_path, "hostile", "shop") as installation:
        yield installation


def test_a_hostile_module_waits_alone_until_it_is_mended(hostile: Installation, packages: Path) -> None:
    deliveries = Deliveries(hostile)
    first = [view(number) for number in range(1, 11)]
    store(hostile, first)
    assert deliveries.drain().outage is None
    # tripped, after each of its ways; the other one has got all
    assert hostile.registry.modules["hostile"].switch is Switch.TRIPPED
    assert rows_of(hostile, "shop") == guids(first)
    with hostile.database.reading() as connection:
        assert "hostile:rows: " in stored_modules(connection)["hostile"].last_error

    next_ones = [view(number) for number in range(11, 1_011)]
    store(hostile, next_ones)
    delivered = deliveries.drain()
    assert delivered.report.figures() == {"processed": 1_000}
    assert rows_of(hostile, "shop") == guids([*first, *next_ones])
    assert rows_of(hostile, "hostile") == []

    (packages / "hostile.py").write_text(module("hostile"))
    assert isinstance(hostile.clock, FixedClock)
    hostile.clock.move(1)
    switch_on(hostile, "hostile", ME)
    delivered = deliveries.drain(force=True)
    assert delivered.report.figures() == {"processed": 1_010}
    assert rows_of(hostile, "hostile") == guids([*first, *next_ones])
    hostile.clock.move(1)
    assert not deliveries.drain(force=True).report.events


# How they are delivered

LOOKING = """
from owa.module_api import DatabaseUnavailable, integer
from sqlalchemy import text

LEAST = integer("shop.least", default=1, least=0, most=99, help="")


@hookimpl
def owa_settings():
    return [LEAST]


def handle(event, context):
    if context.settings[LEAST] == 99:
        raise DatabaseUnavailable("The shop is closed.", "Wait until it opens.")
    count = context.reading.execute(text("SELECT count(*) FROM owa_request")).scalar()
    return [store(event, f"{context.settings[LEAST]} {count} {sorted(context.sites)} {context.now > 0}")]
"""


@pytest.fixture
def shop(packages: Path, tmp_path: Path) -> Iterator[Installation]:
    install_package(packages, "shop", module("shop", LOOKING))
    with opened(f"sqlite:///{tmp_path / 'owa.db'}", tmp_path, "shop") as installation:
        with installation.database.writing() as connection:
            add_site(connection, "http://shop.example")
        installation.configuration.refresh()
        yield installation


def set_least(installation: Installation, value: int) -> None:
    with installation.database.writing() as connection:
        store_settings(connection, {"shop.least": str(value)})
    assert installation.configuration.refresh()


def notes(installation: Installation) -> list[str]:
    with installation.database.reading() as connection:
        return [note for (note,) in connection.exec_driver_sql("SELECT note FROM shop_row ORDER BY guid")]


def children() -> list[int]:
    """Processes that this one has started, and that deliver."""
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for path in found for pid in path.read_text().split()]
    return sorted(pid for pid in pids if b"owa.delivery.child" in Path(f"/proc/{pid}/cmdline").read_bytes())


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, "it did not come about")


def test_in_the_background_with_the_configuration_of_the_moment_and_nobody_is_left(shop: Installation) -> None:
    deliveries = Deliveries(shop)
    (site,) = shop.configuration.current().sites
    store(shop, [view(1), view(2)])
    assert deliveries.wake().report.events == 0
    until(lambda: len(notes(shop)) == 2)
    assert notes(shop) == [f"1 2 ['{site}'] True"] * 2
    first = children()
    assert len(first) == 1
    set_least(shop, 5)
    store(shop, [view(3)])
    deliveries.wake()
    until(lambda: len(notes(shop)) == 3)
    assert notes(shop)[2] == f"5 3 ['{site}'] True"
    assert children() == first  # it lives on
    deliveries.stop()
    assert children() == []
    assert all(row["status"] == "handled" for row in items(shop).values())


def test_what_is_away_is_nobodys_failure(shop: Installation) -> None:
    store(shop, [view(1), view(2)])
    set_least(shop, 99)
    drained = Deliveries(shop).drain()
    assert str(drained.outage) == "The shop is closed. Wait until it opens."
    assert [row["failed_attempt_count"] for row in items(shop).values()] == [0, 0]
    set_least(shop, 1)
    assert Deliveries(shop).drain().report.figures() == {"processed": 2}


def test_no_more_than_are_wanted(shop: Installation) -> None:
    store(shop, [view(number) for number in range(1, 6)])
    assert Deliveries(shop).drain(limit=2).report.figures() == {"processed": 2}
    assert Deliveries(shop).drain(limit=0).report.events == 0
    assert Deliveries(shop).drain(limit=9).report.figures() == {"processed": 3}


def test_a_module_that_cannot_be_loaded_by_its_child_keeps_its_deliveries(shop: Installation, packages: Path) -> None:
    store(shop, [view(1)])
    (packages / "shop.py").write_text("raise ValueError('not today')")
    assert Deliveries(shop).drain().report.events == 0
    with shop.database.reading() as connection:
        assert "not today" in stored_modules(connection)["shop"].last_error
    (packages / "shop.py").write_text(module("shop"))
    assert Deliveries(shop).drain().report.figures() == {"processed": 1}


def test_switched_off_in_the_middle_it_is_left_alone(shop: Installation) -> None:
    store(shop, [view(1)])
    switch_off(shop, "shop", ME)
    assert not Deliveries(shop).are_wanted()
    assert Deliveries(shop).drain(force=True).report.events == 0
    switch_on(shop, "shop", ME)
    assert Deliveries(shop).drain().report.figures() == {"processed": 1}
