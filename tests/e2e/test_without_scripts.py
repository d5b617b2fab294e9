"""The admin's work in a real browser, with scripts and without."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from owa.events import Event
from tests.admin import ADMIN
from tests.e2e.conftest import type_into
from tests.failures import damaged, event, fail
from tests.servers import PASSWORD, Install, Installation, Server, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")
    with damaged(installation):
        fail(installation, event(1), event(2))
    return installation


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


def go(page: "Page", place: str) -> None:
    """By the navigation, which then says where one is."""
    page.get_by_role("navigation").get_by_role("link", name=place).click()
    page.locator("h1", has_text=place).wait_for()
    assert page.locator("nav [aria-current]").inner_text() == place


def told(page: "Page") -> str:
    return page.get_by_role("status").inner_text()


def test_a_days_work(browser: "Browser", installation: Installation, server: Server) -> None:
    with browser.new_context() as with_scripts, browser.new_context(java_script_enabled=False) as without:
        for number, context in enumerate((with_scripts, without), start=1):
            page = context.new_page()
            log_in(page, server)
            switch_a_module(page)
            be_refused(page)
            retry_an_event(page, event(number).guid)
            wait_until(partial(is_stored, installation, event(number)), "it is not processed")
            read_the_trail(page, event(number).guid)


def is_stored(installation: Installation, event: Event) -> bool:
    return event.guid in {row["id"] for row in installation.rows("owa_request")}


def log_in(page: "Page", server: Server) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/admin")
    page.get_by_label("Name").fill(ADMIN)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    assert "do not belong together" in page.get_by_role("alert").inner_text()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("h1", has_text="Dashboard").wait_for()


def switch_a_module(page: "Page") -> None:
    go(page, "Modules")
    module = page.get_by_role("region", name="UTM campaigns", exact=True)
    for action, state in (("Switch on", "on"), ("Switch off", "off")):
        module.get_by_role("button", name=action).click()
        assert told(page).startswith(f"utm_campaigns is {state}.")
        assert module.locator(".state").inner_text() == state


def be_refused(page: "Page") -> None:
    go(page, "General")
    page.get_by_label("Time zone").fill("Mars")
    page.get_by_role("button", name="Save").click()
    assert "Nothing was saved: one field is wrong." in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Time zone").input_value() == "Mars"


def retry_an_event(page: "Page", guid: int) -> None:
    go(page, "Failed events")
    page.get_by_label(f"guid {guid}").check()
    page.get_by_role("button", name="Retry the selected").click()
    assert told(page).startswith("1 event is due now")
    go(page, "Dashboard")
    page.get_by_role("button", name="Drain now").click()
    page.get_by_role("status").wait_for()


def read_the_trail(page: "Page", guid: int) -> None:
    go(page, "Audit trail")
    trail = page.locator("tbody").inner_text()
    for change in ("drain queues", f"retry event: {guid}", "utm_campaigns", "fail to log in: admin"):
        assert change in trail
    page.get_by_role("button", name="Log out").click()
    page.locator("h1", has_text="Log in").wait_for()


def test_by_keyboard_alone(page: "Page", server: Server) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/admin/settings/sites")
    type_into(page, "Name", ADMIN)
    page.keyboard.press("Tab")
    type_into(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    page.locator("h1", has_text="Sites").wait_for()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    box = skip.bounding_box()
    assert box
    assert box["x"] >= 0  # it is seen once it has the focus
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    passed = 0
    while page.evaluate("document.activeElement !== document.body") and passed < 100:
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Tab")
        passed += 1
    assert 5 < passed < 100  # nothing holds the focus
