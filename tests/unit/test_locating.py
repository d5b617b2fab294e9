"""Locators are asked for what is an address, once each, and hurt nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from owa.clock import SystemClock
from owa.contributions import Location, Locator, locate_nothing
from owa.db.engine import Database
from owa.db.migrate import upgrade
from owa.db.modules import stored_modules
from owa.isolation import Isolation
from owa.processing.locating import address_of, locating
from owa.settings import Settings
from tests.page_views import context

BERLIN = Location("Germany", "Berlin", "Berlin", "DE", "52.52", "13.405")
PARIS = Location("France", city="Paris")
SETTINGS = Settings({"a.b": 1})

Locate = Callable[[str, Settings], Any]


class Map:
    """A locator of the test's, which remembers what it was asked."""

    def __init__(self, found: Any = BERLIN) -> None:
        self.asked: list[str] = []
        self._found = found

    def __call__(self, address: str, settings: Settings) -> Any:
        assert settings is SETTINGS
        self.asked.append(address)
        if isinstance(self._found, BaseException):
            raise self._found
        return self._found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    yield database
    database.close()


@pytest.fixture
def isolation(database: Database) -> Isolation:
    return Isolation(database, SystemClock())


def asking(isolation: Isolation, *maps: Locate) -> Callable[[str], Location | None]:
    """Modules `m0`, `m1`, … with a locator each."""
    return locating([(f"m{number}", Locator("map", one)) for number, one in enumerate(maps)], SETTINGS, isolation)


def test_nobody_knows_anything_by_default(isolation: Isolation) -> None:
    assert context().locate("203.0.113.7") is None
    assert asking(isolation) is locate_nothing


def test_the_first_that_knows_counts(isolation: Isolation) -> None:
    ignorant, first, second = Map(None), Map(BERLIN), Map(PARIS)
    assert asking(isolation, ignorant, first, second)("203.0.113.7") == BERLIN
    assert (ignorant.asked, first.asked, second.asked) == (["203.0.113.7"], ["203.0.113.7"], [])


def test_each_address_is_asked_for_once(isolation: Isolation) -> None:
    for found in (BERLIN, None, ValueError()):
        known = Map(found)
        locate = asking(isolation, known)
        for _ in range(3):
            locate("203.0.113.7")
            locate("203.0.113.8")
        assert known.asked == ["203.0.113.7", "203.0.113.8"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.0", "203.0.113.0"),
        ("192.168.1.1", "192.168.1.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8::", "2001:db8::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("0000:0000:0000:0000:0000:ffff:203.000.113.007", ""),
        ("0000:0000:0000:0000:0000:ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", ""),
        ("(not set)", ""),
        ("", ""),
        (" 203.0.113.7", ""),
        ("203.0.113", ""),
        ("203.0.113.256", ""),
        ("3405803783", ""),
        ("203.0.113.7:80", ""),
        ("[2001:db8::1]", ""),
        ("203.0.113.7\0", ""),
        ("٢٠٣.0.113.7", ""),
        ("\udcff", ""),
        ("1" * 1_000_000, ""),
    ],
)
def test_what_is_no_address_is_not_asked_for(isolation: Isolation, text: str, address: str) -> None:
    known = Map()
    assert address_of(text) == address
    assert asking(isolation, known)(text) == (BERLIN if address else None)
    assert known.asked == ([address] if address else [])


@pytest.mark.parametrize(
    "fault", [ValueError("no map"), SystemExit(1), MemoryError(), "Berlin", {"city": "Berlin"}, True], ids=repr
)
def test_one_that_fails_is_passed_over_and_told(database: Database, isolation: Isolation, fault: object) -> None:
    upgrade(database)
    assert asking(isolation, Map(fault), Map(PARIS))("203.0.113.7") == PARIS
    assert asking(isolation, Map(fault))("203.0.113.7") is None
    isolation.tell()
    with database.reading() as connection:
        told = stored_modules(connection)
    assert list(told) == ["m0"]
    assert told["m0"].failures == 2
    assert told["m0"].last_error.startswith("locator map: ")


def test_an_interrupt_is_the_users(isolation: Isolation) -> None:
    with pytest.raises(KeyboardInterrupt):
        asking(isolation, Map(KeyboardInterrupt()))("203.0.113.7")
