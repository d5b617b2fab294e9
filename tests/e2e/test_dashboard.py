"""The dashboard refreshes itself, without getting in the way of who reads it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.admin import ADMIN, Visitor, reset_password
from tests.e2e.conftest import log_in
from tests.failures import execute
from tests.servers import Installation, Server, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.e2e

PART = "part=1"


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    return queueing


@pytest.fixture
def dashboard(page: "Page", server: Server) -> "Page":
    """Logged in, and refreshed ten times a second."""
    page.route("**/admin/queues", _faster)
    log_in(page, server)
    page.goto(f"http://127.0.0.1:{server.port}/admin/queues")
    return page


def _faster(route: "Route") -> None:
    answer = route.fetch(max_redirects=0)
    route.fulfill(response=answer, body=answer.text().replace('data-seconds="5"', 'data-seconds="0.1"'))


def requests(page: "Page") -> list[str]:
    """Those that it sends from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


def depth(page: "Page") -> str:
    return page.locator("section.queue dd").first.inner_text()


def refreshed(page: "Page", act: Callable[[], object] = lambda: None) -> None:
    """Returns when the page has been refreshed after `act`."""
    act()
    for _ in range(2):  # the first one may have been under way
        with page.expect_response(lambda response: PART in response.url) as answer:
            pass
        answer.value.finished()
    page.wait_for_timeout(50)


def test_what_has_changed_is_shown_and_nothing_else_is_touched(dashboard: "Page", server: Server) -> None:
    assert depth(dashboard) == "0"
    dashboard.set_viewport_size({"width": 900, "height": 400})
    dashboard.evaluate("""() => {
        window.marked = document.querySelector("section.queue h3");
        document.querySelector("#dashboard").insertAdjacentHTML("beforeend", "<p>not of the server</p>");
    }""")
    dashboard.get_by_role("button", name="Verify now").focus()
    dashboard.evaluate("getSelection().selectAllChildren(window.marked)")
    dashboard.evaluate("window.scrollTo(0, 300)")
    before = dashboard.evaluate("[scrollY, String(getSelection())]")
    refreshed(dashboard, lambda: [server.track() for _ in range(2)])
    assert depth(dashboard) == "2"
    assert dashboard.evaluate("[scrollY, String(getSelection())]") == before
    assert before[1].startswith("Incoming events")
    assert dashboard.evaluate("document.activeElement.textContent") == "Verify now"
    assert dashboard.evaluate("window.marked.isConnected"), "the heading was replaced"
    assert dashboard.get_by_text("not of the server").count() == 0


def test_open_details_stay_open(dashboard: "Page", installation: Installation, server: Server) -> None:
    installation.drain()  # which notes how the queues are
    dashboard.reload()
    details = dashboard.locator("details").first
    details.locator("summary").click()
    refreshed(dashboard, server.track)
    assert depth(dashboard) == "1"
    assert details.get_attribute("open") is not None


def test_selected_text_stays_as_it_is(dashboard: "Page", server: Server) -> None:
    dashboard.evaluate("getSelection().selectAllChildren(document.querySelector('section.queue dd'))")
    refreshed(dashboard, server.track)
    assert depth(dashboard) == "0"
    dashboard.evaluate("getSelection().removeAllRanges()")
    refreshed(dashboard)
    assert depth(dashboard) == "1"


def test_a_hidden_tab_rests(dashboard: "Page", server: Server) -> None:
    def turn(state: str) -> None:
        dashboard.evaluate(
            """state => {
                Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            state,
        )

    refreshed(dashboard, lambda: turn("visible"))
    turn("hidden")
    dashboard.wait_for_timeout(200)  # what was under way
    asked = requests(dashboard)
    server.track()
    dashboard.wait_for_timeout(500)
    assert asked == []
    assert depth(dashboard) == "0"
    refreshed(dashboard, lambda: turn("visible"))
    assert depth(dashboard) == "1"


def test_no_answer_is_told_and_overcome(dashboard: "Page", installation: Installation, server: Server) -> None:
    told = dashboard.locator("#refresh-state")
    execute(installation, "ALTER TABLE owa_login RENAME TO hidden")
    told.get_by_text("the server answers 503").wait_for()
    assert depth(dashboard) == "0"
    execute(installation, "ALTER TABLE hidden RENAME TO owa_login")
    server.track()
    told.wait_for(state="hidden")
    assert depth(dashboard) == "1"
    dashboard.context.set_offline(True)
    told.get_by_text("there is no answer").wait_for()
    asked = requests(dashboard)
    dashboard.wait_for_timeout(1_000)
    assert len(asked) < 5, "it does not back off"
    dashboard.context.set_offline(False)
    told.wait_for(state="hidden")


def test_it_ends_with_the_login(dashboard: "Page", installation: Installation, server: Server) -> None:
    reset_password(installation)
    dashboard.get_by_text("You are logged out").wait_for()
    asked = requests(dashboard)
    dashboard.wait_for_timeout(500)
    assert asked == []
    wait_until(lambda: Visitor(server).log_in(ADMIN), "the new login does not work")


def test_without_scripts_it_is_all_there(browser: "Browser", server: Server) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        log_in(page, server, "/admin/queues")
        page.get_by_role("link", name="Week").click()
        page.get_by_role("heading", name="The last week").wait_for()
        page.get_by_role("button", name="Verify now").click()
        assert page.get_by_role("status").inner_text() == "Ledger: verified, no drift."
