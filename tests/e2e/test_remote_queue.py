"""Remote Queue is set up as an admin does it: from the pages of the two servers."""

from typing import TYPE_CHECKING

from tests.e2e.conftest import log_in
from tests.servers import Install, page_view

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODULES, SENDERS = "/admin/settings/modules", "/admin/settings/senders"


def test_from_two_admin_pages(page: "Page", browser: "Browser", install: Install) -> None:
    processor = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", OWA_SERVER_NUMBER="1")
    collector = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", OWA_SERVER_NUMBER="2")
    with processor.serve() as processing, collector.serve() as collecting:
        log_in(page, processing, SENDERS)
        page.get_by_text("This server takes no events of other servers.").wait_for()
        page.get_by_role("button", name="Make a key").click()
        key = page.get_by_role("status").locator("code").inner_text()

        other = browser.new_context()
        there = other.new_page()
        log_in(there, collecting, MODULES)
        remote = there.get_by_role("region", name="Remote Queue")
        remote.get_by_role("button", name="Switch on").click()
        there.get_by_role("status").wait_for()
        remote.get_by_role("link", name="Settings").click()
        there.get_by_label("Endpoint").fill("nowhere")
        there.get_by_role("button", name="Save").click()
        there.get_by_text("This wants an address such as").wait_for()
        there.get_by_label("Endpoint").fill(f"http://127.0.0.1:{processing.port}/queue.php")
        there.get_by_label("Key", exact=True).fill("not the right key, but a long one")
        there.get_by_role("button", name="Save").click()
        there.get_by_role("status").wait_for()
        there.get_by_role("button", name="Test the connection").click()
        assert "The signature is wrong" in there.get_by_role("alert").inner_text()
        there.get_by_label("Key", exact=True).fill(key)
        there.get_by_role("button", name="Save").click()
        there.get_by_role("status").wait_for()
        there.get_by_role("button", name="Test the connection").click()
        assert "has answered well" in there.get_by_role("status").inner_text()

        view = page_view()
        collecting.track(view)
        collector.drain()
        processor.drain()
        assert processor.request_of(view)
        assert collector.request_of(view) is None
        page.reload()
        page.get_by_role("row", name="well").wait_for()
        there.get_by_role("link", name="Remote Queue").first.click()
        there.get_by_role("heading", name="Remote Queue").wait_for()
        other.close()
