"""What modules raise is held against them, and a module that fails again and again is switched off."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from owa.clock import FixedClock
from owa.db import configuration as stored
from owa.db.engine import Database
from owa.db.migrate import upgrade
from owa.db.modules import LIMIT, StoredModule, Switch, stored_modules, switch_module
from owa.errors import DatabaseUnavailable, HeldByAnother, ModuleFailed, UsageError
from owa.isolation import BREAKER, Isolation
from tests.page_views import NOON


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def isolation(database: Database) -> Isolation:
    return Isolation(database, FixedClock(NOON))


def fail(isolation: Isolation, times: int, error: BaseException | None = None, module: str = "ours") -> None:
    def raise_it() -> str:
        raise error or ValueError("it does not work")

    for _ in range(times):
        assert isolation.call(module, "step s", raise_it, default="kept") == "kept"


def succeed(isolation: Isolation, module: str = "ours") -> None:
    assert isolation.call(module, "step s", len, "four", default=0) == 4


def stored_of(database: Database, module: str = "ours") -> StoredModule:
    with database.reading() as connection:
        return stored_modules(connection)[module]


def generation(database: Database) -> int:
    with database.reading() as connection:
        return stored.generation(connection)


def test_a_module_that_works_leaves_no_trace(database: Database, isolation: Isolation) -> None:
    succeed(isolation)
    assert not isolation.tell()
    with database.reading() as connection:
        assert stored_modules(connection) == {}
    assert isolation.slowest()["ours"][1] == "step s"


def test_failures_are_stored_with_error_and_traceback(database: Database, isolation: Isolation) -> None:
    fail(isolation, LIMIT - 1)
    assert not isolation.tell()
    found = stored_of(database)
    assert (found.switch, found.failures, found.failed_at) == (None, LIMIT - 1, NOON)
    assert found.last_error == "step s: ValueError: it does not work"
    assert "in raise_it" in found.last_trace


def test_too_many_in_a_row_switch_a_module_off(database: Database, isolation: Isolation) -> None:
    before = generation(database)
    fail(isolation, LIMIT)
    fail(isolation, LIMIT - 1, module="other")
    assert isolation.tell()
    found = stored_of(database)
    assert (found.switch, found.switched_by, found.switched_at, found.failures) == (
        Switch.TRIPPED,
        BREAKER,
        NOON,
        LIMIT,
    )
    assert "in raise_it" in found.last_trace
    assert stored_of(database, "other").switch is None
    assert generation(database) > before
    assert not isolation.tell()


def test_a_success_resets_the_count(database: Database, isolation: Isolation) -> None:
    for _ in range(3):
        fail(isolation, LIMIT - 1)
        succeed(isolation)
        assert not isolation.tell()
    assert stored_of(database).switch is None


def test_a_success_after_too_many_comes_too_late(database: Database, isolation: Isolation) -> None:
    """The database is told once a second: what happens between two times must count."""
    fail(isolation, LIMIT)
    succeed(isolation)
    assert isolation.tell()
    assert (stored_of(database).switch, stored_of(database).failures) == (Switch.TRIPPED, LIMIT)


@pytest.mark.parametrize("chosen", [Switch.OFF, Switch.PARKED, Switch.DRAINING])
def test_what_somebody_chose_meanwhile_counts(database: Database, isolation: Isolation, chosen: Switch) -> None:
    fail(isolation, LIMIT)
    with database.writing() as connection:
        switch_module(connection, "ours", chosen, "admin", NOON)
    assert not isolation.tell()
    assert (stored_of(database).switch, stored_of(database).switched_by) == (chosen, "admin")


def test_why_it_was_switched_off_stays_to_be_read(database: Database, isolation: Isolation) -> None:
    """Other processes may have failures of it to tell, from before they had followed."""
    other_process = Isolation(database, FixedClock(NOON + 1))
    fail(isolation, LIMIT)
    assert isolation.tell()
    fail(other_process, 1, KeyError("something else"))
    assert not other_process.tell()
    assert (stored_of(database).failures, stored_of(database).failed_at) == (LIMIT, NOON)


def test_what_cannot_be_spared_stays_on_and_is_shown_as_failing(database: Database) -> None:
    asked = []

    def can_spare(name: str, chosen: Mapping[str, Switch]) -> bool:
        asked.append((name, dict(chosen)))
        return False

    isolation = Isolation(database, FixedClock(NOON), can_spare)
    with database.writing() as connection:
        switch_module(connection, "another", Switch.TRIPPED, BREAKER, NOON)
    before = generation(database)
    fail(isolation, LIMIT + 2)
    assert not isolation.tell()
    assert asked == [("ours", {"another": Switch.TRIPPED})]
    assert (stored_of(database).switch, stored_of(database).failures) == (None, LIMIT + 2)
    assert stored_of(database).is_failing
    assert generation(database) == before
    succeed(isolation)
    assert not isolation.tell()
    assert not stored_of(database).is_failing
    assert stored_of(database).last_error


def test_a_module_that_is_switched_on_again_has_all_its_chances_again(database: Database, isolation: Isolation) -> None:
    fail(isolation, LIMIT)
    assert isolation.tell()
    with database.writing() as connection:
        switch_module(connection, "ours", Switch.ON, "admin", NOON)
    assert stored_of(database).failures == 0
    fail(isolation, LIMIT - 1)
    assert not isolation.tell()
    assert stored_of(database).switch == Switch.ON
    fail(isolation, 1)
    assert isolation.tell()


def test_what_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    database = Database(f"sqlite:///{folder / 'owa.db'}")
    isolation = Isolation(database, FixedClock(NOON))
    fail(isolation, LIMIT)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            isolation.tell()
    folder.mkdir()
    upgrade(database)
    assert isolation.tell()
    assert stored_of(database).switch == Switch.TRIPPED
    database.close()


class Silent(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SystemExit("bye"), "SystemExit: bye"),
        (MemoryError(), "MemoryError"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (GeneratorExit(), "GeneratorExit"),
        (Silent(), "Silent, which cannot say"),
        (ValueError("\udcff and \0"), "ValueError: ? and \ufffd"),
        (ValueError("x" * 100_000), "ValueError: xxx"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_whatever_is_raised_is_told(database: Database, isolation: Isolation, error: BaseException, told: str) -> None:
    fail(isolation, 1, error)
    isolation.tell()
    found = stored_of(database)
    assert found.last_error.startswith(f"step s: {told}")
    assert len(found.last_error) <= 1_000
    assert len(found.last_trace) < 21_000


def test_an_interrupt_passes(isolation: Isolation) -> None:
    def interrupt() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        isolation.call("ours", "step s", interrupt, default=None)


def test_what_is_told_to_people_switches_nothing_off(database: Database, isolation: Isolation) -> None:
    def leave() -> None:
        sys.exit("bye.")

    for _ in range(LIMIT + 1):
        with pytest.raises(ModuleFailed, match=r"The module ours has failed: page p: SystemExit: bye\. Its traceback"):
            isolation.run("ours", "page p", leave)
    assert not isolation.tell()
    found = stored_of(database)
    assert (found.switch, found.failures, found.last_error) == (None, 0, "page p: SystemExit: bye.")
    assert "in leave" in found.last_trace


@pytest.mark.parametrize("error", [DatabaseUnavailable("away"), HeldByAnother("held"), UsageError("no")])
def test_what_is_nobodys_fault_passes(isolation: Isolation, error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        isolation.run("ours", "job j", fail)
    assert not isolation.tell()


# Event handlers, which run in processes of their own


def test_different_events_in_a_row_switch_a_module_off_and_one_event_again_and_again_does_not(
    database: Database, isolation: Isolation
) -> None:
    for _ in range(LIMIT + 1):
        isolation.failed("ours", "ours:rows: it hangs", "", event=1)
    assert not isolation.trips("ours")
    for event in range(2, LIMIT + 1):
        isolation.failed("ours", "ours:rows: it hangs", "", event)
    assert isolation.trips("ours")
    assert isolation.tell()
    found = stored_of(database)
    assert (found.switch, found.last_error) == (Switch.TRIPPED, "ours:rows: it hangs")
    assert not isolation.trips("ours")


def test_what_works_here_says_nothing_of_event_handlers(isolation: Isolation) -> None:
    for event in range(LIMIT):
        isolation.failed("ours", "ours:rows: it hangs", "", event)
        succeed(isolation)
    assert isolation.trips("ours")


def test_one_that_is_delivered_begins_the_row_anew(isolation: Isolation) -> None:
    for event in range(3 * LIMIT):
        if event % (LIMIT - 1) == 0:
            isolation.succeeded("ours")
        isolation.failed("ours", "ours:rows: it hangs", "", event)
    assert not isolation.trips("ours")
