"""What is done about failed events, by a real browser."""

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import log_in
from tests.failures import broken, damaged, event, execute, fail, put
from tests.servers import Installation, Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    return queueing


def told(page: "Page") -> str:
    return page.locator(".flash[role=status]").inner_text()


def test_from_an_error_to_its_events_which_are_discarded_and_come_back(
    page: "Page", installation: Installation, server: Server
) -> None:
    fail(installation, *(event(number, "x.a") for number in range(3)), event(4, "y.b"))
    log_in(page, server, "/admin/failed")
    page.get_by_role("link", name="By error").click()
    page.get_by_role("link", name="events of type x.a").click()
    page.get_by_label("Same error only").wait_for()
    page.get_by_role("button", name="Discard all 3 that match").click()
    assert told(page) == "3 events are discarded."
    page.get_by_label("State").select_option("discarded")
    page.get_by_label("Same error only").uncheck()
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Undo the selected").click()
    assert told(page) == "1 event is a failed one again."
    page.get_by_role("button", name="Undo all 2 that match").click()
    assert told(page).startswith("2 events are failed ones again")
    page.get_by_role("link", name="Failed events", exact=True).click()
    page.get_by_label("Words in the error").fill("x.a")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Retry all 3 that match").click()
    assert told(page).startswith("3 events are due now")
    assert broken(installation) == 1


def test_an_event_is_searched_for_revealed_and_tried(page: "Page", installation: Installation, server: Server) -> None:
    with damaged(installation):
        fail(installation, event(1, user_email="ann@shop.example"))
        log_in(page, server, "/admin/failed")
        page.get_by_label("Id of").select_option("session")
        page.get_by_label("Id", exact=True).fill(str(event(1).session_id))
        page.get_by_role("button", name="Filter").click()
        page.locator("tbody a").click()
        page.get_by_role("button", name="Try", exact=True).click()
        assert "It would fail again." in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Try", exact=True).click()
    assert "It would be processed." in page.get_by_role("status").inner_text()
    assert page.get_by_text("New row of owa_request").count() == 1
    assert page.get_by_text("ann@shop.example").count() == 0
    page.get_by_role("button", name="Reveal").click()
    page.get_by_text("ann@shop.example").first.wait_for()
    assert installation.rows("owa_request") == []


def test_progress_is_shown_live(page: "Page", installation: Installation, server: Server) -> None:
    fail(installation, event(1, "x.a"))
    log_in(page, server, "/admin/failed")
    page.get_by_role("button", name="Retry all 1 that match").click()
    assert told(page).startswith("1 event is due now")
    running = "UPDATE owa_failed_act SET result = 'running', total = 9, updated_at = updated_at + 0"
    execute(installation, running)
    page.goto(f"http://127.0.0.1:{server.port}/admin/failed")
    page.get_by_role("progressbar").wait_for()
    execute(installation, "UPDATE owa_failed_act SET done = 7")
    page.get_by_text("7 of 9 done").wait_for()
    execute(installation, "UPDATE owa_failed_act SET done = 9, result = 'done'")
    page.get_by_text("9 of 9 done").wait_for()
    page.get_by_role("progressbar").wait_for(state="detached")


def test_what_is_retried_shows_its_error(page: "Page", installation: Installation, server: Server) -> None:
    with damaged(installation):
        put(installation, event(1))
        installation.cli("cmd=processEventQueue")
    log_in(page, server, "/admin/failed?state=retrying")
    page.locator("tbody").get_by_text("refused: <b>poison</b>").wait_for()
    page.locator("tbody a").click()
    page.locator("summary", has_text="refused").click()
    page.get_by_text("Process").first.wait_for()


def test_the_list_fits_on_a_desk_and_its_filters_are_in_line(
    page: "Page", installation: Installation, server: Server
) -> None:
    with damaged(installation):
        put(installation, event(1), event(2))
        installation.cli("cmd=processEventQueue")
    execute(installation, "UPDATE owa_queue_item SET handler = 'boom:counting' WHERE id = ?", event(2).guid)
    page.set_viewport_size({"width": 1200, "height": 800})
    log_in(page, server, "/admin/failed?state=retrying")
    page.get_by_text("boom:counting").last.wait_for()
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(box => box.scrollWidth <= box.clientWidth)")
    assert page.locator("td.type").first.inner_text().splitlines()[0] == "base.page_request"
    tops = page.evaluate("[...document.querySelectorAll('.filters label')].map(one => one.getBoundingClientRect().top)")
    assert len(set(tops)) <= 3, "as many heights as there are rows"
    widths = page.evaluate("['.filters', '.scroll'].map(of => document.querySelector(of).clientWidth)")
    assert widths[0] == widths[1]


def test_what_is_retried_is_retried_now_or_discarded(page: "Page", installation: Installation, server: Server) -> None:
    with damaged(installation):
        put(installation, event(1), event(2))
        installation.cli("cmd=processEventQueue")
        log_in(page, server, "/admin/failed?state=retrying")
        page.get_by_role("checkbox").first.check()
        page.get_by_role("button", name="Retry the selected now").click()
        assert told(page).startswith("1 event is due now")
        page.get_by_role("button", name="Discard all 2 that match").click()
        assert told(page) == "2 events are discarded."
        page.get_by_role("button", name="Dismiss").click()
        page.get_by_text("No event is being retried.").wait_for()
        assert page.locator("#progress").count() == 0
