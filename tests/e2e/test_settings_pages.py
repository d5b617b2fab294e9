"""Settings in a real browser: a form refuses a bad value and keeps what was typed, a good one counts at once."""

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import log_in
from tests.servers import Installation, page_view

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

ROBOT = {"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
GENERAL = "/admin/settings/general"
SITES = "/admin/settings/sites"


def test_a_form_refuses_a_bad_value_and_then_takes_a_good_one(page: "Page", storing: Installation) -> None:
    with storing.serve() as server:
        log_in(page, server, GENERAL)
        page.get_by_label("Time zone").fill("Pacific/Kiritimat")
        page.get_by_label("Track robots").check()
        page.get_by_label("Most attempts").fill("-4")
        page.get_by_role("button", name="Save").click()

        problems = page.get_by_role("alert")
        assert "2 fields are wrong" in problems.inner_text()
        problems.get_by_role("link", name="Time zone").click()
        assert page.evaluate("document.activeElement.ownerDocument.location.hash") == "#base.timezone"
        zone, attempts = page.get_by_label("Time zone"), page.get_by_label("Most attempts")
        assert zone.get_attribute("aria-invalid") == "true"
        assert "did you mean Pacific/Kiritimati?" in page.locator('[id="base.timezone-problem"]').inner_text()
        assert (zone.input_value(), attempts.input_value()) == ("Pacific/Kiritimat", "-4")
        assert page.get_by_label("Track robots").is_checked()
        server.track(event := page_view(), headers=ROBOT)
        assert storing.request_of(event) is None

        zone.fill("Pacific/Kiritimati")
        attempts.fill("4")
        attempts.press("Enter")
        assert "Saved: Track robots, Most attempts, Time zone." in page.get_by_role("status").inner_text()
        server.track(event := page_view(), headers=ROBOT)
        row = storing.request_of(event)
        assert row is not None
        assert row["hour"] == (row["timestamp"] // 3600 + 14) % 24

        page.get_by_label("Back to the default: UTC").check()
        page.get_by_role("button", name="Save").click()
        assert page.get_by_label("Time zone").input_value() == "UTC"
        page.get_by_role("link", name="Audit trail").click()
        row_of_change = page.locator("tbody tr").first
        assert "base.timezone: Pacific/Kiritimati" in row_of_change.inner_text()
        assert "base.timezone: UTC (default)" in row_of_change.inner_text()


def test_a_site_is_added_and_its_tag_selected_by_a_click(page: "Page", storing: Installation) -> None:
    with storing.serve() as server:
        log_in(page, server, SITES)
        page.get_by_label("Domain").fill("shop.example")
        page.get_by_label("Description").fill("Our shop")
        page.get_by_role("button", name="Add the site").click()
        assert "wants the address of a site" in page.get_by_role("alert").inner_text()
        assert page.get_by_label("Domain").input_value() == "shop.example"
        page.get_by_label("Domain").fill("https://shop.example")
        page.get_by_role("button", name="Add the site").click()
        assert "https://shop.example is registered" in page.get_by_role("status").inner_text()
        page.locator("pre code").click()
        selected = page.evaluate("getSelection().toString()")
        assert selected.startswith("<script>")
        assert selected.rstrip().endswith("</script>")
