"""The first day: make run, send an event with the site id that it showed, let cron drain, look at the rows."""

import re
import sys
from collections.abc import Iterator

import pytest

from tests.servers import ROOT, Installation, Server, page_view, wait_until

LOCALHOST_ID = "86a9106ae65537651a8e456835b316ab"
"""MD5 of http://localhost, the first site's domain."""


def make_run(installation: Installation) -> Server:
    """`make run`, as after `make install`, in the environment that the tests have."""
    words = ["make", "run", "-o", "install", f"VENV={sys.prefix}"]
    return Server(words, ROOT, installation.folder / "make.stderr", installation.environment())


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("newcomer"))


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with make_run(installation) as server:
        yield server


def test_it_says_what_a_newcomer_needs(server: Server) -> None:
    assert f"http://127.0.0.1:{server.port}/" in server.stdout
    assert re.search(r"Login +admin, password \S{12,}", server.stdout)
    assert re.search(rf"Site +http://localhost \({LOCALHOST_ID}\)", server.stdout)
    assert "['trackPageView']" in server.stdout


def test_event_is_queued_drained_by_cron_and_stored(installation: Installation, server: Server) -> None:
    event = page_view(site_id=LOCALHOST_ID)
    assert server.track(event).status == 204
    assert "A page" in server.request("GET", "/").body.decode()
    assert installation.status()["mode"] == "asynchronous"
    installation.drain()
    row = installation.request_of(event)
    assert row is not None
    assert row["site_id"] == LOCALHOST_ID
    assert installation.title_of(event) == "A page"


def test_scheduler_drains_without_cron(installation: Installation, server: Server) -> None:
    server.track(event := page_view(site_id=LOCALHOST_ID))
    wait_until(lambda: installation.request_of(event), "the scheduler does not drain")


def test_second_run_makes_nothing_new(installation: Installation, server: Server) -> None:
    server.track(event := page_view(site_id=LOCALHOST_ID))
    wait_until(lambda: installation.request_of(event), "the scheduler does not drain")
    server.stop()
    tables = ("owa_user", "owa_site", "owa_request")
    before = [installation.rows(table) for table in tables]
    with make_run(installation) as again:
        assert "password that it has" in again.stdout
        assert "shown only this once" not in again.stdout
    assert [installation.rows(table) for table in tables] == before
    assert [len(rows) for rows in before[:2]] == [1, 1]


def test_sigterm_ends_it(installation: Installation) -> None:
    server = make_run(installation)
    try:
        server.process.terminate()
        server.process.wait(30)
        with pytest.raises(ConnectionRefusedError):
            server.request("GET", "/blank.php")
    finally:
        server.kill()
