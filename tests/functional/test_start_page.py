"""The start page: for people on the machine itself, with every event's fate, and nothing that an event could inject."""

from collections.abc import Iterator, Mapping
from html import unescape

import pytest

from tests.servers import SITE_ID, Install, Installation, Server, page_view, wait_until

XSS = "<script>alert('x')</script>"
ESCAPED = "&lt;script&gt;alert("


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


def page(server: Server) -> str:
    answer = server.request("GET", "/")
    assert answer.status == 200
    assert "no-store" in answer.headers["Cache-Control"] or "no-cache" in answer.headers["Cache-Control"]
    return answer.body.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "198.51.100.7"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "198.51.100.7"},
        {"Forwarded": "for=198.51.100.7"},
        {"Host": "owa.example.org"},
        {"Host": "127.0.0.1.example.org:80"},
        {"Host": "localhost.example.org"},
    ],
    ids=str,
)
def test_closed_to_others(server: Server, headers: Mapping[str, str]) -> None:
    answer = server.request("GET", "/", headers=headers)
    assert answer.status == 403
    assert b"Last events" not in answer.body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8080"])
def test_open_to_this_machine_by_its_names(server: Server, host: str) -> None:
    assert server.request("GET", "/", headers={"Host": host}).status == 200


def test_behind_a_trusted_proxy(install: Install) -> None:
    with install(OWA_TRUSTED_PROXIES="127.0.0.1").serve() as server:
        for forwarded, status in (("198.51.100.7", 403), ("127.0.0.1, 198.51.100.7", 403), ("127.0.0.1", 200)):
            assert server.request("GET", "/", headers={"X-Forwarded-For": forwarded}).status == status


def test_shows_the_fate_of_each_event(installation: Installation, server: Server) -> None:
    server.track(page_view(page_title="The first"))
    server.track(page_view(page_title="The orphan", is_new_session="false"))
    queued = page(server)
    assert queued.count('class="state queued"') == 2
    assert "python cli.py cmd=processEventQueue" in queued
    installation.drain()
    drained = page(server)
    assert 'class="state queued"' not in drained
    assert _row_of("The first", drained).count('class="state stored"') == 1
    assert _row_of("The orphan", drained).count('class="state waiting"') == 1


def test_shows_refusals_with_their_remedy(installation: Installation, server: Server) -> None:
    server.track(page_view(site_id="0" * 32))
    installation.drain()
    row = _row_of("unregistered site", page(server))
    assert 'class="state refused"' in row
    assert "0" * 32 in row
    assert "cmd=add-site" in row


def test_shows_the_tag_of_each_site(server: Server) -> None:
    shown = unescape(page(server))
    assert f'var owa_baseUrl = "http://127.0.0.1:{server.port}/";' in shown
    assert f"['setSiteId', \"{SITE_ID}\"]" in shown


def test_stored_text_is_escaped(installation: Installation, server: Server) -> None:
    robot = {"User-Agent": f"Googlebot/2.1 {XSS}"}
    server.track(page_view(page_title=f"title {XSS}", page_url=f"http://example.org/{XSS}"))
    queued = page(server)
    server.track(page_view(event_type=f"type {XSS}"))
    server.track(page_view(site_id=f"site {XSS}"))
    server.track(page_view(), headers=robot)
    installation.drain()
    stored = page(server)
    for shown in (queued, stored):
        assert XSS not in shown
        for text in ("title ", "http://example.org/"):
            assert text + ESCAPED in shown
    for text in ("type ", "site ", "Googlebot/2.1 "):
        assert text + ESCAPED in stored
    installation.cli("cmd=add-site", f"domain=https://{XSS}")
    wait_until(lambda: f"https://{ESCAPED}" in page(server), "the new site is not shown")
    assert XSS not in page(server)


def _row_of(text: str, html: str) -> str:
    """The table's row that holds the text."""
    (row,) = (row for row in html.split("<tr>") if text in row)
    return row


@pytest.mark.parametrize("path", ["modules/base/dist/owa.tracker.js", "modules/base/js/owa.tracker-combined-min.js"])
def test_tags_of_phps_owa_find_the_tracker(server: Server, path: str) -> None:
    answer = server.request("GET", f"/{path}")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.body == server.request("GET", "/static/tracker/owa.tracker.js").body
