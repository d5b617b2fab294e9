"""The module MaxMind GeoIP, as the drain meets it: it is switched on, its file comes, changes and goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from owa.accounts.audit import Actor
from owa.app import Installation, open_installation
from owa.contributions import Location, locate_nothing
from owa.db.configuration import store_settings
from owa.db.migrate import upgrade
from owa.db.modules import stored_modules
from owa.modules.maxmind_geoip.locator import PLACES
from owa.modules.maxmind_geoip.settings import DATABASE
from owa.processing.drain import drain_events
from owa.switching import switch_off, switch_on
from tests.geoip import FRANCE, write_database
from tests.page_views import page_view
from tests.servers import wait_until

ME = Actor("me")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """The module is off; its database is to be `places.mmdb` in the data folder."""
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path), "OWA_MAXMIND_GEOIP_DATABASE": "places.mmdb"}, {})
    upgrade(installation.database)
    yield installation
    installation.close()
    PLACES.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "places.mmdb"


def country(installation: Installation, address: str = "203.0.113.7") -> str:
    """As the next batch sees it."""
    location = installation.contexts.processing().locate(address)
    assert location is None or isinstance(location, Location)
    return location.country if location else ""


def findings(installation: Installation) -> list[str]:
    """What the health checks find of the module."""
    return [finding.text for finding in installation.health.problems() if finding.module == "maxmind_geoip"]


def test_it_is_switched_on_and_off(installation: Installation, path: Path) -> None:
    write_database(path)
    assert installation.contexts.processing().locate is locate_nothing
    switch_on(installation, "maxmind_geoip", ME)
    assert country(installation) == "United Kingdom"
    assert country(installation, "203.0.113.0") == "United Kingdom"
    assert country(installation, "2001:db8::") == "France"
    assert [country(installation, address) for address in ("10.0.0.1", "fd00::1", "(not set)", "")] == [""] * 4
    assert findings(installation) == []
    switch_off(installation, "maxmind_geoip", ME)
    assert installation.contexts.processing().locate is locate_nothing


def test_its_file_is_replaced_and_damaged(installation: Installation, path: Path) -> None:
    write_database(path)
    switch_on(installation, "maxmind_geoip", ME)
    assert country(installation) == "United Kingdom"
    write_database(path, {"203.0.113.0/24": FRANCE})
    wait_until(lambda: country(installation) == "France", "the new file is not noticed")
    assert findings(installation) == []
    path.write_bytes(path.read_bytes()[:100])
    wait_until(lambda: country(installation) == "", "the damage is not noticed")
    assert findings(installation) == [f"{path} is no MaxMind database, or it is damaged."]


def test_without_a_file_events_are_processed_all_the_same(installation: Installation, path: Path) -> None:
    switch_on(installation, "maxmind_geoip", ME)
    addresses = ("203.0.113.7", "(not set)", "2001:db8::1")
    views = [page_view(n, session=n, first=True, ip_address=address) for n, address in enumerate(addresses, 1)]
    installation.incoming.put(views)
    assert drain_events(installation.incoming, installation.processor).report.processed == len(views)
    assert [country(installation, address) for address in addresses] == [""] * 3
    assert findings(installation) == [f"There is no {path}: visitors have no location."]
    installation.isolation.tell()
    with installation.database.reading() as connection:
        assert stored_modules(connection)["maxmind_geoip"].failures == 0


def test_an_admin_names_the_file(tmp_path: Path) -> None:
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path)}, {})
    upgrade(installation.database)
    try:
        switch_on(installation, "maxmind_geoip", ME)
        assert country(installation) == ""
        assert findings(installation) == ["No database of countries and cities is set: visitors have no location."]
        write_database(tmp_path / "other.mmdb")
        with installation.database.writing() as connection:
            store_settings(connection, {DATABASE.name: "other.mmdb"})
        installation.configuration.refresh()
        assert country(installation) == "United Kingdom"
        assert findings(installation) == []
    finally:
        installation.close()
        PLACES.close()
