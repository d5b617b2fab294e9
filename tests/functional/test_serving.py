"""Under a path, from a wheel, by several workers, and in several processes at once."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from owa.db.configuration import store_settings
from owa.db.engine import Database
from owa.queues.settings import DURABILITY
from owa.server import WAITING_THREADS
from tests.admin import Visitor
from tests.servers import DOMAIN, ROOT, SITE_ID, Install, Installation, Server, page_view, run, send_events, senders

PREFIX = "/some/prefix"

PREFIX_FILTER = f"""
[app:main]
use = egg:owa
filter-with = prefix

[filter:prefix]
use = egg:PasteDeploy#prefix
prefix = {PREFIX}

[server:main]
use = egg:owa#waitress
host = 127.0.0.1
port = 6543
"""

MEETING = """
[app:main]
use = egg:owa
owa.scheduler = off
filter-with = meeting

[filter:meeting]
paste.filter_app_factory = tests.meeting:Meeting
count = {count}

[server:main]
use = egg:owa#{software}
host = 127.0.0.1
port = 6543
"""

SCRIPT_NAME = f"""
import sys, waitress
from pyramid.paster import get_app
waitress.serve(get_app("development.ini"), host="127.0.0.1", port=sys.argv[1], url_prefix="{PREFIX}")
"""


@pytest.fixture(scope="module", params=["prefix filter", "SCRIPT_NAME"])
def prefixed(request: pytest.FixtureRequest, install: Install) -> Iterator[tuple[Installation, Server]]:
    installation = install(OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0")
    if request.param == "SCRIPT_NAME":
        server = installation.start(["-c", SCRIPT_NAME, "{port}"], PREFIX)
    else:
        ini = installation.folder / "prefixed.ini"
        ini.write_text(PREFIX_FILTER)
        server = installation.serve(ini, PREFIX)
    with server:
        yield installation, server


def test_prefix_holds_for_tracking(prefixed: tuple[Installation, Server]) -> None:
    installation, server = prefixed
    assert server.track(posted := page_view()).status == 204
    assert installation.request_of(posted)


def test_prefix_holds_for_links_and_the_tag(prefixed: tuple[Installation, Server]) -> None:
    _, server = prefixed
    page = unescape(server.request("GET", "/").body.decode())
    assert f'href="{PREFIX}/static/owa.css"' in page
    assert f'href="{PREFIX}/"' in page
    assert page.count('href="') == page.count(f'href="{PREFIX}/') + page.count('href="data:') + page.count('href="#')
    assert f'var owa_baseUrl = "http://127.0.0.1:{server.port}{PREFIX}/";' in page
    for file in ("/static/tracker/owa.tracker.js", "/static/owa.css"):
        assert server.request("GET", file).status == 200


def test_prefix_holds_for_the_login(prefixed: tuple[Installation, Server]) -> None:
    _, server = prefixed
    browser = Visitor(server)
    refused = browser.get("/admin/audit").headers["Location"]
    assert refused.endswith(f"{PREFIX}/login?next={quote(PREFIX, safe='')}%2Fadmin%2Faudit")
    assert browser.send_login(next=f"{PREFIX}/admin/audit").headers["Location"].endswith(f"{PREFIX}/admin/audit")
    assert {morsel["path"] for morsel in browser.cookies.values()} == {f"{PREFIX}/"}
    page = browser.text("/admin/account")
    assert page.count('href="/') == page.count(f'href="{PREFIX}/')
    assert f'action="{PREFIX}/logout"' in page
    assert browser.post("/logout").headers["Location"].endswith(f"{PREFIX}/login")
    for outside in ("/admin/audit", "/some/prefixed", "//evil.example"):
        assert browser.send_login(next=outside).headers["Location"].endswith(f"{PREFIX}/admin")


def test_what_a_server_has_loaded_is_not_looked_at_again(install: Install) -> None:
    words = "import gc, os, owa; owa.main({}); print(gc.get_freeze_count(), flush=True); os._exit(0)"
    installation = install(OWA_SCHEDULER="0")
    loaded = run([sys.executable, "-c", words], ROOT, installation.environment())
    assert int(loaded.out) > 50_000, loaded.err


def test_several_workers_by_production_ini(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1")
    with installation.serve("production.ini") as server:
        events = [page_view() for _ in range(40)]
        assert {server.track(event).status for event in events} == {204}
        pixel = server.request("GET", "/log.php?owa_site_id=x")
        assert (pixel.status, pixel.headers["Content-Type"]) == (200, "image/gif")
        assert len(_children(server)) >= 2
        assert server.stop() in (0, -15)
    installation.drain()
    assert sorted(row["session_id"] for row in installation.rows("owa_request")) == [
        int(event["owa_session_id"]) for event in events
    ]


@pytest.mark.parametrize("software", ["granian", "waitress"])
def test_requests_that_wait_for_the_disk_wait_together(install: Install, software: str) -> None:
    """Each goes on when all are there; which durability the server has is stored in its database."""
    installation = install(OWA_QUEUE_EVENTS="1")
    database = Database(f"sqlite:///{installation.database}")
    with database.writing() as connection:
        store_settings(connection, {DURABILITY.name: "fsync"})
    database.close()
    ini = installation.folder / "waiting.ini"
    ini.write_text(MEETING.format(count=WAITING_THREADS, software=software))
    events = [page_view() for _ in range(WAITING_THREADS)]
    with installation.serve(ini) as server, ThreadPoolExecutor(WAITING_THREADS) as clients:
        assert {answer.status for answer in clients.map(server.track, events)} == {204}
    installation.drain()
    stored = installation.query("SELECT session_id FROM owa_request ORDER BY 1")
    assert [row["session_id"] for row in stored] == [int(event["owa_session_id"]) for event in events]


def _children(server: Server) -> list[str]:
    pid = server.process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_three_synchronous_processes_on_one_file(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0")
    count, first = 300, 10**18
    with installation.serve() as one, installation.serve() as two, installation.serve() as three, senders(3) as pool:
        servers = (one, two, three)
        sending = [pool.submit(send_events, server.port, first + n * count, count) for n, server in enumerate(servers)]
        accepted = [session for sender in sending for session in sender.result()]
    queued = installation.status()["queues"]["incoming_tracking_events"]["depth"]
    assert len(accepted) == 3 * count
    assert len(installation.rows("owa_request")) == len(accepted) - queued
    installation.drain()
    stored = installation.query("SELECT session_id FROM owa_request ORDER BY 1")
    assert [row["session_id"] for row in stored] == sorted(accepted)
    assert installation.counts() == {("processed", ""): len(accepted)}
    assert installation.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


@dataclass(frozen=True)
class Wheel:
    """OWA as it is installed from its wheel, in an environment of its own."""

    bin: Path
    package: Path
    """Where its files are."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    """Only OWA itself comes from the wheel: what it needs is that of the tests' environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source, venv = folder / "source", folder / "venv"
    shutil.copytree(ROOT / "owa", source / "owa", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (built,) = folder.glob("*.whl")
    subprocess.run([*pip, "--python", venv / "bin" / "python", "install", "--no-deps", built], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return Wheel(venv / "bin", packages / "owa")


def test_wheel_is_complete(wheel: Wheel, tmp_path: Path) -> None:
    python = str(wheel.bin / "python")
    installation = Installation(tmp_path, {"OWA_QUEUE_EVENTS": "1", "OWA_SCHEDULER": "0"})
    shutil.copy(ROOT / "development.ini", tmp_path)
    found = run([python, "-c", "import owa; print(owa.__file__)"], tmp_path, {})
    assert found.out == f"{wheel.package / '__init__.py'}\n"

    def owa(*words: str) -> str:
        done = run([str(wheel.bin / "owa"), *words], tmp_path, installation.environment())
        assert (done.status, done.err) == (0, "")
        return done.out

    assert SITE_ID in owa("cmd=install", f"domain={DOMAIN}", "format=json")
    pserve = ["-m", "pyramid.scripts.pserve", "development.ini"]
    with installation.start(pserve, python=python, cwd=tmp_path) as server:
        assert server.track(event := page_view()).status == 204
        assert server.request("GET", "/static/tracker/owa.tracker.js").status == 200
        assert b"Last events" in server.request("GET", "/").body
    assert owa("cmd=processEventQueue") == ""
    assert installation.request_of(event)


def test_wheel_holds_every_file(wheel: Wheel) -> None:
    def files(package: Path) -> set[str]:
        found = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
        return {str(path) for path in found if "__pycache__" not in path.parts}

    assert files(ROOT / "owa") == files(wheel.package)
