"""Pausing, jobs, waiting events and the trace of one, by a real browser."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import log_in
from tests.failures import event, put
from tests.servers import BROWSER, Installation, Server, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    return queueing


def go(page: "Page", place: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=place, exact=True).click()
    page.locator(f"h1:has-text('{place}')").wait_for()


def told(page: "Page") -> str:
    return page.locator(".flash").inner_text()


def test_a_queue_is_paused_and_resumed(page: "Page", installation: Installation, server: Server) -> None:
    server.track()
    log_in(page, server, "/admin/scheduler")
    page.get_by_label("Why").first.fill("a backup")
    page.get_by_role("button", name="Pause incoming_tracking_events").click()
    assert "is paused" in told(page)
    page.get_by_text("a backup").first.wait_for()
    go(page, "Dashboard")
    page.get_by_role("alert").get_by_text("admin has paused the queue incoming_tracking_events").first.wait_for()
    page.get_by_role("button", name="Drain now").click()
    assert "admin has paused the queue" in told(page)
    assert installation.rows("owa_request") == []
    go(page, "Scheduler")
    page.get_by_role("button", name="Resume incoming_tracking_events").click()
    assert "goes on" in told(page)
    page.get_by_role("button", name="Run drain now").click()
    assert told(page) == "drain: 1 processed."
    page.get_by_role("link", name="drain", exact=True).click()
    page.get_by_role("heading", name="Runs of drain").wait_for()
    assert "1 processed" in page.locator("tbody").inner_text()
    page.get_by_role("link", name="Scheduler").first.click()
    page.get_by_role("button", name="Pause clean").click()
    page.get_by_role("button", name="Resume clean").click()
    assert told(page) == "The job clean goes on."


def test_what_waits_is_tried_and_traced(page: "Page", installation: Installation, server: Server) -> None:
    first = event(1, page_title="First")
    put(installation, replace(event(2), session_id=first.session_id, properties={"page_url": "http://x.example/"}))
    installation.drain()
    log_in(page, server, "/admin/waiting")
    page.get_by_role("button", name="Try now").click()
    assert "has still not come" in told(page)
    page.get_by_label("Session or visitor").fill(str(first.session_id))
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=str(first.session_id)).click()
    page.get_by_role("heading", name=f"Session {first.session_id}").wait_for()
    page.get_by_role("link", name=str(event(2).guid)).click()
    page.get_by_text("Its first page view has not come.").wait_for()
    put(installation, first)
    installation.drain()
    page.reload()
    page.get_by_text("2 page views so far.").wait_for()
    go(page, "Waiting")
    page.get_by_text("No event waits.").wait_for()


@pytest.mark.parametrize("with_scripts", [True, False])
def test_a_test_event_is_followed_until_it_is_stored(
    browser: "Browser", installation: Installation, server: Server, with_scripts: bool
) -> None:
    with browser.new_context(java_script_enabled=with_scripts, user_agent=BROWSER) as context:
        page = context.new_page()
        log_in(page, server, "/admin/trace")
        page.get_by_role("button", name="Send").click()
        assert "The test event is queued." in told(page)
        page.get_by_text("events.txt").wait_for()
        installation.drain()
        if not with_scripts:
            page.get_by_role("link", name="Reload").click()
        page.get_by_text("Begun by this event").wait_for()
        page.get_by_text("/owa-test-event").first.wait_for()
        assert page.get_by_role("link", name="Reload").count() == 0
    wait_until(lambda: len(installation.rows("owa_request")) == 1, "it is not stored")
