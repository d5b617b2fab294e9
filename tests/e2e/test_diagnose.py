"""The banner, and the page that it leads to, by a real browser."""

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import log_in
from tests.failures import event, fail
from tests.servers import Installation, Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

XSS = "<script>document.title = 'taken over'</script>"


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    fail(queueing, event(1, f"x.{XSS}"))
    return queueing


def test_the_banner_leads_to_what_is_broken(page: "Page", server: Server) -> None:
    log_in(page, server, "/admin/audit")
    page.goto(f"http://127.0.0.1:{server.port}/admin/settings/sites")
    banner = page.get_by_text("Something is broken:")
    banner.wait_for()
    assert XSS in page.locator(".banner").inner_text()
    page.locator(".banner").get_by_role("link", name="Diagnose").click()
    page.get_by_role("heading", name="First broken: oldest event").wait_for()
    assert page.locator(".banner").count() == 0
    assert page.get_by_role("row").count() == 16
    assert page.title() == "Diagnose · OWA"
    page.get_by_role("link", name="verify the ledger").click()
    page.get_by_text("Everything that was taken is somewhere.").wait_for()
