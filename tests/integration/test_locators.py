"""The locators of the modules that are on are what the fact handlers' context asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from owa.accounts.audit import Actor
from owa.app import Installation, open_installation
from owa.contributions import Location, locate_nothing
from owa.db.migrate import upgrade
from owa.db.modules import LIMIT, Switch
from owa.errors import UsageError
from owa.registry import BUILT_IN
from owa.switching import switch_off, switch_on
from tests.packages import install_package

ME = Actor("me")

ATLAS = """
from owa.module_api import *

PLACE = text("{name}.place", default="{name}", help="")

def locate(address, settings):
    if address == "192.0.2.1":
        raise ValueError("there is a hole in it")
    return Location(settings[PLACE]) if address == "203.0.113.7" else None

@hookimpl
def owa_module(): return Module("{name}", "Atlas", "1.0", "Us", "Tests", "A test.")

@hookimpl
def owa_settings(): return [PLACE]

@hookimpl
def owa_locators(): return [Locator("atlas", locate)]
"""


@pytest.fixture
def installation(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """With two atlases, which are off."""
    for name in ("atlas_a", "atlas_b"):
        (packages / f"{name}.py").write_text(ATLAS.format(name=name))
        monkeypatch.setitem(BUILT_IN, name, name)
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path / "data")}, {})
    upgrade(installation.database)
    yield installation
    installation.close()


def country(installation: Installation, address: str = "203.0.113.7") -> str | None:
    """As the next batch sees it."""
    location = installation.contexts.processing().locate(address)
    return location.country if location else None


def test_they_are_switched_on_and_off_at_once(installation: Installation) -> None:
    assert installation.contexts.processing().locate is locate_nothing
    switch_on(installation, "atlas_b", ME)
    assert country(installation) == "atlas_b"
    switch_on(installation, "atlas_a", ME)
    assert country(installation) == "atlas_a"
    assert country(installation, "203.0.113.8") is None
    switch_off(installation, "atlas_a", ME)
    assert country(installation) == "atlas_b"
    switch_off(installation, "atlas_b", ME)
    assert installation.contexts.processing().locate is locate_nothing


def test_a_batch_keeps_its_locations(installation: Installation) -> None:
    switch_on(installation, "atlas_a", ME)
    batch = installation.contexts.processing()
    assert batch.locate("203.0.113.7") == Location("atlas_a")
    switch_off(installation, "atlas_a", ME)
    assert batch.locate("203.0.113.7") == Location("atlas_a")
    assert country(installation) is None


def test_one_that_fails_in_batch_after_batch_is_switched_off(installation: Installation) -> None:
    switch_on(installation, "atlas_a", ME)
    for _ in range(LIMIT):
        assert country(installation, "192.0.2.1") is None
    assert installation.isolation.tell()
    installation.configuration.refresh()
    loaded = installation.registry.modules["atlas_a"]
    assert (loaded.works, loaded.switch) == (False, Switch.TRIPPED)
    assert country(installation) is None


def test_a_package_of_a_third_party_has_none(packages: Path, tmp_path: Path, installation: Installation) -> None:
    install_package(packages, "atlas_c", ATLAS.format(name="atlas_c"))
    with pytest.raises(UsageError, match="owa_locators"):
        switch_on(installation, "atlas_c", ME)
    assert country(installation) is None
