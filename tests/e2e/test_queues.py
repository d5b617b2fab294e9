"""The dashboard and the failed events, by a real browser."""

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import log_in
from tests.failures import damaged, event, fail
from tests.servers import Installation, Server, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

XSS = "<script>document.title = 'taken over'</script>"


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    return queueing


def test_an_event_is_retried_and_processed(page: "Page", installation: Installation, server: Server) -> None:
    with damaged(installation):
        fail(installation, event(1))
    log_in(page, server, "/admin/queues")
    page.get_by_role("link", name="1", exact=True).click()
    page.locator("tbody a").click()
    page.get_by_role("heading", name="Traceback").wait_for()
    page.get_by_role("button", name="Retry").click()
    assert "1 event is due now" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Dashboard").click()
    page.get_by_role("button", name="Drain now").click()
    page.get_by_role("status").wait_for()
    wait_until(lambda: installation.rows("owa_request"), "it is not processed")
    assert [row["id"] for row in installation.rows("owa_request")] == [event(1).guid]
    page.get_by_role("link", name="Failed events").click()
    page.get_by_text("No event has failed.").wait_for()


def test_a_selected_event_is_discarded(page: "Page", installation: Installation, server: Server) -> None:
    fail(installation, event(1, f"x.keep {XSS}", XSS, page_title=XSS), event(2, f"x.drop {XSS}"))
    log_in(page, server)
    page.goto(f"http://127.0.0.1:{server.port}/admin/failed")
    page.get_by_label("Event type").select_option(f"x.drop {XSS}")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/admin/failed?type=x.drop*")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Discard the selected").click()
    assert page.get_by_role("status").inner_text() == "1 event is discarded."
    page.get_by_role("link", name="Show all failed").click()
    page.locator("tbody a").click()
    page.get_by_role("heading", name="Payload").wait_for()
    assert XSS in page.locator("pre").first.inner_text()
    assert page.title() == "Failed event · OWA"
    page.get_by_role("link", name="Audit trail").click()
    page.get_by_text(f"event type: x.drop {XSS}").wait_for()
