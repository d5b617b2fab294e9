"""What is read off databases of places, and what is said of those that are no good."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from owa.admin_contributions import ModuleContext, Problem
from owa.clock import MICROSECONDS, FixedClock, SystemClock
from owa.contributions import Location
from owa.db.engine import Database
from owa.modules.maxmind_geoip.checks import OLD, check_database, show_database
from owa.modules.maxmind_geoip.database import NoDatabase
from owa.modules.maxmind_geoip.locator import LOOK_AGAIN, PLACES, Places, locate
from owa.modules.maxmind_geoip.record import LONGEST, location_of
from owa.modules.maxmind_geoip.settings import DATABASE, parse_path
from owa.settings import Settings
from tests.geoip import FRANCE, LONDON, WORLD, write_database

IN_LONDON = Location("United Kingdom", "England", "London", "GB", "51.5142", "-0.0931")
IN_FRANCE = Location("France", country_code="FR")
DAY = 86_400


class Seconds:
    """That pass when the test says so."""

    def __init__(self) -> None:
        self.passed = 1_000.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def places(seconds: Seconds) -> Iterator[Places]:
    places = Places(seconds)
    yield places
    places.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "places.mmdb"


def open_files() -> list[str]:
    """The databases that this process has open."""
    paths = [str(one.readlink()) for one in list(Path("/proc/self/fd").iterdir()) if one.is_symlink()]
    return [path for path in paths if ".mmdb" in path]


def settings(path: Path | str) -> Settings:
    return Settings({DATABASE.name: str(path)})


def context(tmp_path: Path, path: Path | str, days: float = 0.0) -> ModuleContext:
    """So many days from now."""
    clock = FixedClock(SystemClock().now() + round(days * DAY) * MICROSECONDS)
    return ModuleContext(settings(path), Database(f"sqlite:///{tmp_path / 'owa.db'}"), clock, tmp_path, lambda: 0)


@pytest.mark.parametrize(
    ("record", "location"),
    [
        (LONDON, IN_LONDON),
        (FRANCE, IN_FRANCE),
        ({"country": {"iso_code": "FR"}}, Location(country_code="FR")),
        ({"country": {"names": {"de": "Frankreich"}}}, None),
        ({"city": {"names": {"en": "Paris"}}}, Location(city="Paris")),
        ({"location": {"latitude": 0.0, "longitude": -0.0}}, Location(latitude="0.0", longitude="0.0")),
        ({"location": {"latitude": 37.386100769042969}}, Location(latitude="37.3861")),
        ({"location": {"latitude": 12, "longitude": -180}}, Location(latitude="12.0", longitude="-180.0")),
        ({"location": {"latitude": 91, "longitude": float("nan")}}, None),
        ({"location": {"latitude": "1", "longitude": True}}, None),
        ({"subdivisions": []}, None),
        ({"subdivisions": {"names": {"en": "England"}}}, None),
        ({"subdivisions": ["England"]}, None),
        ({"city": {"names": {"en": ["Paris"]}}, "country": "FR", "location": [1, 2]}, None),
        ({"city": {"names": {"en": " A\x1fB\n\0C\u202e "}}}, Location(city="A B C")),
        ({"city": {"names": {"en": "x" * 1_000}}}, Location(city="x" * LONGEST)),
        ({}, None),
        (None, None),
        (7, None),
        ("Paris", None),
        ([LONDON], None),
    ],
)
def test_records_of_any_shape(record: Any, location: Location | None) -> None:
    assert location_of(record) == location


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("203.0.113.7", IN_LONDON),
        ("203.0.113.0", IN_LONDON),
        ("203.0.114.7", None),
        ("2001:db8::", IN_FRANCE),
        ("2001:db8:1:2::3", IN_FRANCE),
        ("2001:db9::1", None),
        ("192.168.1.1", None),
        ("10.0.0.0", None),
        ("127.0.0.1", None),
        ("0.0.0.0", None),
        ("::1", None),
        ("fd00::1", None),
    ],
)
def test_addresses(places: Places, path: Path, address: str, location: Location | None) -> None:
    write_database(path)
    assert places.find(path, address) == location
    assert places.find(path, address) == location


def test_a_database_of_ipv4_only(places: Places, path: Path) -> None:
    write_database(path, {"203.0.113.0/24": LONDON}, ip_version=4)
    assert places.find(path, "203.0.113.7") == IN_LONDON
    assert places.find(path, "2001:db8::1") is None
    assert places.find(path, "203.0.113.7") == IN_LONDON


def test_a_relative_path_starts_at_the_data_folder(path: Path) -> None:
    write_database(path)
    values = {"base.data_dir": str(path.parent), DATABASE.name: path.name}
    try:
        assert locate("203.0.113.7", Settings(values)) == IN_LONDON
    finally:
        PLACES.close()
    assert locate("203.0.113.7", Settings(values | {DATABASE.name: ""})) is None


def test_a_replaced_database_is_noticed_and_the_old_one_closed(places: Places, path: Path, seconds: Seconds) -> None:
    write_database(path)
    assert places.find(path, "203.0.113.7") == IN_LONDON
    write_database(path, {"203.0.113.0/24": FRANCE})
    assert places.find(path, "203.0.113.7") == IN_LONDON
    seconds.passed += LOOK_AGAIN
    assert places.find(path, "203.0.113.7") == IN_FRANCE
    assert open_files() == [str(path)]


def test_one_that_goes_and_comes_back(places: Places, path: Path, seconds: Seconds) -> None:
    for _ in range(2):
        assert places.find(path, "203.0.113.7") is None
        write_database(path)
        seconds.passed += LOOK_AGAIN
        assert places.find(path, "203.0.113.7") == IN_LONDON
        path.unlink()
        seconds.passed += LOOK_AGAIN
        assert places.find(path, "203.0.113.7") is None
        assert not open_files()


def test_another_path_counts_at_once(places: Places, path: Path) -> None:
    write_database(path)
    other = write_database(path.with_name("other.mmdb"), {"203.0.113.0/24": FRANCE})
    assert places.find(path, "203.0.113.7") == IN_LONDON
    assert places.find(other, "203.0.113.7") == IN_FRANCE
    assert places.find(path, "203.0.113.7") == IN_LONDON
    assert open_files() == [str(path)]


def test_one_that_is_overwritten_while_it_is_open(places: Places, path: Path, seconds: Seconds) -> None:
    """As by `cp` or a download. A file mapped into memory would kill the process."""
    write_database(path)
    assert places.find(path, "203.0.113.7") == IN_LONDON
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(10)
        for number in range(256):
            places.find(path, f"203.0.113.{number}")
            places.find(path, f"2001:db8::{number}")
        seconds.passed += LOOK_AGAIN
        assert places.find(path, "203.0.113.7") is None
        file.write(whole)
    seconds.passed += LOOK_AGAIN
    assert places.find(path, "203.0.113.7") == IN_LONDON


def test_damage_anywhere_hurts_nobody(places: Places, path: Path, seconds: Seconds) -> None:
    whole = write_database(path).read_bytes()
    chance = random.Random(7)
    answers = set()
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
        seconds.passed += LOOK_AGAIN
        answers |= {places.find(path, address) for address in ("203.0.113.7", "8.8.8.8", "2001:db8::1", "1.1.1.1")}
        assert isinstance(check_database(context(path.parent, path)), Problem | None)
    assert None in answers
    assert IN_LONDON in answers


def test_it_is_told_once_in_the_log(
    places: Places, path: Path, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        places.find(path, "203.0.113.7")
        seconds.passed += LOOK_AGAIN
    path.write_bytes(b"\0" * 1_000)
    for _ in range(3):
        places.find(path, "203.0.113.7")
        seconds.passed += LOOK_AGAIN
    assert [record.getMessage().partition(".mmdb")[0] for record in caplog.records] == [
        f"Visitors have no location: There is no {path.parent / 'places'}",
        f"Visitors have no location: {path.parent / 'places'}",
    ]


def test_all_is_well(tmp_path: Path, path: Path) -> None:
    write_database(path)
    assert check_database(context(tmp_path, path)) is None
    assert check_database(context(tmp_path, path, OLD - 1)) is None
    write_database(path, {"203.0.113.0/24": LONDON}, "DBIP-City-Lite")
    assert check_database(context(tmp_path, path)) is None
    write_database(path, {"8.8.8.0/24": FRANCE}, "Somebody's")
    assert check_database(context(tmp_path, path)) is None
    assert not open_files()


def found(tmp_path: Path, path: Path | str, days: float = 0.0) -> str:
    """What the check says, which the test says too where there is nothing to show."""
    problem = check_database(context(tmp_path, path, days))
    assert problem
    assert problem.remedy
    assert not open_files()
    if not days and "knows no countries" not in problem.text:
        with pytest.raises(NoDatabase) as refused:
            show_database(context(tmp_path, path))
        assert refused.value.message == problem.text
    return problem.text


def test_none_is_set(tmp_path: Path) -> None:
    assert found(tmp_path, "").startswith("No database of countries and cities is set")


def test_a_file_that_is_no_good(tmp_path: Path, path: Path) -> None:
    assert found(tmp_path, path) == f"There is no {path}: visitors have no location."
    assert found(tmp_path, tmp_path) == f"{tmp_path} is no file."
    assert "cannot be read: File name too long" in found(tmp_path, "x" * 5_000)
    path.write_bytes(b"")
    assert found(tmp_path, path / "x.mmdb") == f"{path}/x.mmdb cannot be read: Not a directory."
    assert found(tmp_path, path) == f"{path} is no MaxMind database, or it is damaged."
    path.write_text("network,country\n203.0.113.0/24,GB\n" * 100)
    assert found(tmp_path, path) == f"{path} is no MaxMind database, or it is damaged."
    whole = write_database(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert found(tmp_path, path) == f"{path} is no MaxMind database, or it is damaged."


def test_a_pipe_holds_nobody_up(tmp_path: Path, path: Path, places: Places) -> None:
    os.mkfifo(path)
    assert found(tmp_path, path) == f"{path} is no file."
    assert places.find(path, "203.0.113.7") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path, path: Path, places: Places, seconds: Seconds) -> None:
    write_database(path).chmod(0)
    assert found(tmp_path, path) == f"{path} cannot be read: Permission denied."
    assert places.find(path, "203.0.113.7") is None
    path.chmod(0o644)
    seconds.passed += LOOK_AGAIN
    assert places.find(path, "203.0.113.7") == IN_LONDON


def test_damage_in_the_data(tmp_path: Path, path: Path) -> None:
    whole = write_database(path).read_bytes()
    path.write_bytes(whole.replace(b"Frankreich", b"Frank\xff\xffich"))
    assert found(tmp_path, path).startswith(f"{path} is damaged")


def test_one_that_knows_other_things(tmp_path: Path, path: Path) -> None:
    write_database(path, {"8.8.8.0/24": {"autonomous_system_number": 15169}}, "GeoLite2-ASN")
    assert found(tmp_path, path) == f"{path} (GeoLite2-ASN) knows no countries and cities."


def test_an_old_one(tmp_path: Path, path: Path) -> None:
    write_database(path)
    assert "many visitors are located where their network was then" in found(tmp_path, path, OLD + 1)


def test_the_test_shows_what_it_knows(tmp_path: Path, path: Path) -> None:
    write_database(path, {**WORLD, "1.1.1.0/24": LONDON})
    told = show_database(context(tmp_path, path))
    assert told.startswith("GeoLite2-City, built on 20")
    assert told.endswith(" networks. 8.8.8.8: France. 1.1.1.1: London, England, United Kingdom.")
    assert len(told) < 200  # more is not shown
    write_database(path, {"203.0.113.0/24": LONDON})
    assert show_database(context(tmp_path, path)).endswith(" 8.8.8.8: not known. 1.1.1.1: not known.")
    assert not open_files()


@pytest.mark.parametrize("value", ["/srv/\0", "a\nb", "\udcff"])
def test_what_is_no_path(value: str) -> None:
    with pytest.raises(ValueError, match="wants the path of a file"):
        parse_path(value)
