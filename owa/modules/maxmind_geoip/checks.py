"""Whether there is a database that knows places, and is not too old; and a test that shows what it knows."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from owa.module_api import MICROSECONDS, HealthCheck, Location, ModuleContext, ModuleTest, Problem
from owa.modules.maxmind_geoip.database import REMEDY, About, NoDatabase, about, look_up, opened
from owa.modules.maxmind_geoip.record import location_of
from owa.modules.maxmind_geoip.settings import path_of

if TYPE_CHECKING:
    from pathlib import Path

    from maxminddb import Reader

OLD = 400
"""Days. Networks move: a new database comes at least each month."""

DAY = 86_400

SAMPLES = ("8.8.8.8", "1.1.1.1", "193.0.6.139", "128.0.0.1", "2001:4860:4860::8888", "2001:67c:2e8:22::c100:68b")
"""Addresses that any database of the whole world knows: of Google, Cloudflare and RIPE."""

SHOWN = 2
"""Of them; it is to be a sentence."""

KINDS = ("city", "country", "enterprise", "location")
"""One of them is in the type of each database that knows places; others know providers or proxies."""

NOT_SET = "No database of countries and cities is set: visitors have no location."


def check_database(context: ModuleContext) -> Problem | None:
    """What is wrong with the file, here and now."""
    path = path_of(context.settings)
    if path is None:
        return Problem(NOT_SET, REMEDY)
    try:
        with opened(path) as reader:
            said = about(reader)
            knows = any(samples(reader, path).values())
    except NoDatabase as error:
        return Problem(error.message, error.remedy)
    if not knows and not any(kind in said.type.lower() for kind in KINDS):
        return Problem(f"{path} ({said.type}) knows no countries and cities.", f"Replace it. {REMEDY}")
    return _age(path, said, context.clock.now() // MICROSECONDS)


def show_database(context: ModuleContext) -> str:
    """What it says of itself, and where some well-known addresses are. Raises `NoDatabase`."""
    path = path_of(context.settings)
    if path is None:
        raise NoDatabase(NOT_SET, REMEDY)
    with opened(path) as reader:
        said = about(reader)
        found = [f"{address}: {_shown(place)}" for address, place in samples(reader, path).items()]
    built = f"built on {_day(said.built)}" if said.built else "of an unknown date"
    return f"{said.type}, {built}, at most {said.networks:,} networks. {'. '.join(found[:SHOWN])}."


def samples(reader: "Reader", path: "Path") -> dict[str, Location | None]:
    """Where the sample addresses are. Raises `NoDatabase` when the database is damaged."""
    return {address: location_of(look_up(reader, path, address)) for address in SAMPLES}


def _age(path: "Path", said: About, now: int) -> Problem | None:
    if said.built is None or now - said.built <= OLD * DAY:
        return None
    return Problem(
        f"{path} was built on {_day(said.built)}: many visitors are located where their network was then.",
        "Get a new one, best by a regular job: see docs/operations.md.",
    )


def _shown(place: Location | None) -> str:
    names = (place.city, place.state, place.country or place.country_code) if place else ()
    return ", ".join(filter(None, names)) or "not known"


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(min(seconds, 2**37), UTC):%Y-%m-%d}"


CHECK = HealthCheck("the database", check_database)
TEST = ModuleTest("Look addresses up", show_database)
