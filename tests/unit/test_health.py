"""Checks of modules: what they find, and that none of them is waited for."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from owa.admin_contributions import HealthCheck, ModuleContext, Problem
from owa.clock import FixedClock
from owa.db.engine import Database
from owa.errors import DatabaseUnavailable
from owa.health import Finding, Health
from owa.isolation import Isolation
from owa.registry import Found, Loaded, Registry
from owa.settings import Settings
from tests.page_views import NOON


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    yield database
    database.close()


def health(database: Database, *checks: HealthCheck, patience: float = 60.0) -> Health:
    """Of a module `ours` with these checks."""
    loaded = Loaded(Found("ours", "ours"), is_on=True, contributed={"owa_health_checks": list(checks)})
    clock = FixedClock(NOON)
    context = ModuleContext(Settings(), database, clock, Path(), lambda: 0)
    return Health(lambda: Registry({"ours": loaded}), Isolation(database, clock), lambda: context, patience)


def test_what_a_check_finds_is_told_as_long_as_it_is_so(database: Database) -> None:
    found: list[Problem | None] = [Problem("It is ill.", "Call a doctor."), None]
    checks = health(database, HealthCheck("one", lambda _: found.pop(0)), HealthCheck("two", lambda _: None))
    assert checks.problems() == [Finding("ours", "one", "It is ill.", "Call a doctor.")]
    assert checks.problems() == []


def fail(_context: ModuleContext) -> Any:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (fail, "ValueError: no"),
        (lambda _: sys.exit(3), "SystemExit: 3"),
        (lambda _: "ill", "TypeError: A check returns a Problem or None, not str."),
    ],
)
def test_a_check_that_misbehaves_is_told_and_the_others_go_on(database: Database, check: Any, told: str) -> None:
    checks = health(database, HealthCheck("bad", check), HealthCheck("good", lambda _: Problem("It is ill.", "")))
    bad, good = checks.problems()
    assert bad.text == f"The module ours has failed: check bad: {told.rstrip('.')}."
    assert "Settings > Modules" in bad.remedy
    assert good.text == "It is ill."


def test_an_outage_is_no_finding(database: Database) -> None:
    def away(_context: ModuleContext) -> None:
        raise DatabaseUnavailable("It is away.")

    assert health(database, HealthCheck("away", away)).problems() == []


def test_a_check_that_hangs_is_told_and_not_begun_again(database: Database) -> None:
    ends, begun = Flag(), []

    def hang(_context: ModuleContext) -> None:
        begun.append(1)
        ends.wait(60)

    checks = health(database, HealthCheck("slow", hang), patience=0.01)
    for _ in range(3):
        (finding,) = checks.problems()
        assert finding.text == "The check 'slow' has not ended within 0.01 s."
    assert begun == [1]
    ends.set()
