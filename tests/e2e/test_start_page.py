"""From the tag that `add-site` prints, through a real page in a real browser, to the start page."""

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import fits
from tests.servers import Installation, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """The address of a folder's files, served from another origin than OWA."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def tag_for(installation: Installation, domain: str, base_url: str) -> str:
    printed = installation.cli("cmd=add-site", f"domain={domain}", f"base_url={base_url}", "verbose=1").out
    found = re.search(r"<script>.*</script>", printed, re.DOTALL)
    assert found
    return found[0]


def test_a_visit_appears_on_the_start_page(page: "Page", queueing: Installation, shop: str, tmp_path: Path) -> None:
    with queueing.serve(OWA_SCHEDULER="1") as server:
        base_url = f"http://127.0.0.1:{server.port}/"
        tag = tag_for(queueing, shop, base_url)
        (tmp_path / "index.html").write_text(
            f"<!doctype html><meta charset=utf-8><title>A <b> & a shop</title><body>{tag}"
        )
        page.goto(shop)
        wait_until(lambda: queueing.rows("owa_session"), "the visit was not stored")
        assert [row["num_pageviews"] for row in queueing.rows("owa_session")] == [1]

        page.goto(base_url)
        row = page.locator("tbody tr").first
        assert "A <b> & a shop" in row.inner_text()
        assert row.locator(".state").inner_text() == "stored"


def test_the_page_fits_its_window(window: "Page", queueing: Installation) -> None:
    with queueing.serve() as server:
        server.track()
        server.track({"owa_event_type": "nope"})
        queueing.drain()
        window.goto(f"http://127.0.0.1:{server.port}/")
        assert fits(window)
        assert window.get_by_text("unknown event type").is_visible()
