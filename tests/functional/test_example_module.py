"""The package of `docs/example-module`, as a third party would build, install, use, and remove it."""

import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import venv
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.admin import Visitor
from tests.packages import on_the_path
from tests.servers import ROOT, Install, Installation, Server, page_view, run

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "docs" / "example-module"
PAGE = "/admin/settings/modules"
MODULE = "shop_events"
MISSING = "The package that brings shop_events is not installed."


@dataclass(frozen=True)
class Environment:
    """One of Python's, in which the package can be installed. All else is that of the tests."""

    folder: Path

    @property
    def packages(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def install(self, wheel: Path) -> None:
        pip("--python", self.python, "install", "--no-deps", "--no-index", str(wheel))

    def uninstall(self) -> None:
        pip("--python", self.python, "uninstall", "--yes", "shop-events")


def pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that the tutorial shows, without a network."""
    folder = tmp_path_factory.mktemp("built")
    source = shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """With the package."""
    return make_environment(tmp_path_factory.mktemp("venv"), wheel)


def make_environment(folder: Path, wheel: Path) -> Environment:
    venv.create(folder)
    environment = Environment(folder)
    (environment.packages / "needed.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    environment.install(wheel)
    return environment


def make_installation(install: Install, environment: Environment) -> Installation:
    """It finds what is installed there, and is drained by nobody but the test."""
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", **on_the_path(environment.packages))


@pytest.fixture
def installation(install: Install, environment: Environment) -> Installation:
    return make_installation(install, environment)


def send(server: Server, count: int = 1) -> list[dict[str, str]]:
    """Page views that must be taken."""
    views = [page_view() for _ in range(count)]
    assert {server.track(view).status for view in views} == {204}
    return views


def send_baskets(server: Server, *things: int) -> None:
    for number in things:
        assert server.track(page_view(event_type="shop.basket", things=str(number))).status == 204


def spooled(installation: Installation) -> int:
    """How many events the module's queue holds."""
    with closing(sqlite3.connect(installation.data_dir / "logs" / "shop_spool.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM spool WHERE is_event").fetchone()
    return int(count)


def counted(installation: Installation) -> list[dict[str, Any]]:
    return installation.query("SELECT baskets, things FROM shop_events_baskets")


def switch(admin: Visitor, to: str) -> str:
    """Returns the page, which says what came of it."""
    return admin.send(PAGE, {"module": MODULE, "switch": to})


def test_its_queue_keeps_all_promises(environment: Environment, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = run([environment.python, "-m", "pytest", "-q", "tests"], tmp_path, {})
    assert done.status == 0, done.out
    assert re.search(r"^\d\d passed, 1 skipped in ", done.out, re.MULTILINE), done.out  # it cannot be searched


def test_it_is_switched_on_by_a_command_and_off(installation: Installation) -> None:
    done = installation.cli("cmd=activate", f"module={MODULE}", "verbose=1")
    assert (done.status, done.err) == (0, "")
    assert "shop_events is on" in done.out
    assert counted(installation) == []
    assert installation.cli("cmd=deactivate", f"module={MODULE}").status == 0


def test_its_settings_and_handler_and_queue_are_used(installation: Installation, admin: Visitor) -> None:
    server = admin.server
    assert "Counts the baskets of a shop, and keeps its events in one SQLite file." in admin.page(PAGE)  # it is off
    page = switch(admin, "on")
    assert "shop_events is on. Its tables are up to date." in page
    assert "event handler: baskets" in page
    assert "incoming_tracking_events by shop_spool, instead of the default" in page
    settings = f"{PAGE}/{MODULE}"
    fields = admin.form(settings, "shopEvents.least")
    refused = admin.post(settings, fields | {"shopEvents.least": "0"})
    assert (refused.status, b"wants a whole number from 1 to 1000" in refused.body) == (400, True)
    admin.send(settings, fields | {"shopEvents.least": "2"})

    views = send(server, 3)
    send_baskets(server, 1, 2, 5)
    assert spooled(installation) == 6
    installation.drain()
    assert spooled(installation) == 0
    assert all(installation.request_of(view) for view in views)
    for _ in range(2):
        assert counted(installation) == [{"baskets": 2, "things": 7}]
        assert installation.cli("cmd=processEventQueue", "retry=now").status == 0
    assert installation.cli("cmd=verify-ledger").status == 0


def test_its_health_check_is_heard(installation: Installation, admin: Visitor) -> None:
    switch(admin, "on")
    assert "The last basket" not in admin.page("/admin/queues")
    with closing(sqlite3.connect(installation.database)) as connection, connection:
        connection.execute("INSERT INTO shop_events_baskets VALUES ('a', '2026-01-02', 1, 1)")
    assert "The last basket came on 2026-01-02." in admin.page("/admin/queues")


@pytest.mark.parametrize("held", ["draining", "handing-over"])
def test_switched_off_with_events_in_its_queue_none_is_lost(
    installation: Installation, admin: Visitor, held: str
) -> None:
    switch(admin, "on")
    views = send(admin.server, 2)
    switch(admin, held)
    views += send(admin.server)
    assert spooled(installation) == 2  # the last one is elsewhere
    installation.drain()
    assert spooled(installation) == 0
    assert all(installation.request_of(view) for view in views)
    assert installation.cli("cmd=verify-ledger").status == 0


def test_uninstalled_while_it_is_on_it_is_missed_and_all_goes_on(install: Install, wheel: Path, tmp_path: Path) -> None:
    environment = make_environment(tmp_path, wheel)
    installation = make_installation(install, environment)
    installation.variables["OWA_SHOP_EVENTS_LEAST"] = "3"  # nobody knows it without the package
    installation.cli("cmd=activate", f"module={MODULE}")
    with installation.serve() as server:
        (held,) = send(server)
        send_baskets(server, 2, 3)
    environment.uninstall()

    with installation.serve() as server:
        admin = Visitor(server).log_in()
        assert MISSING in admin.page(PAGE)
        (view,) = send(server)
        installation.drain()
        assert installation.request_of(view)
        assert not installation.request_of(held)
        page = switch(admin, "off")
        assert "shop_events is off." in page
        assert MISSING not in page

    environment.install(wheel)
    assert installation.cli("cmd=activate", f"module={MODULE}").status == 0
    installation.drain()
    assert installation.request_of(held)
    assert counted(installation) == [{"baskets": 1, "things": 3}]
