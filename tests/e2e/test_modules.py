"""The page of modules, by a real browser."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import log_in
from tests.packages import OTHER_QUEUE, install_package, on_the_path
from tests.servers import Install, Installation, Server

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.e2e


@pytest.fixture
def installation(install: Install, packages: Path) -> Installation:
    install_package(packages, "other_queue", OTHER_QUEUE, metadata="Summary: Keeps events in a table of its own.\n")
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", **on_the_path(packages))


def open_modules(page: "Page", server: Server) -> None:
    log_in(page, server)
    page.get_by_role("link", name="Modules").click()
    page.get_by_role("heading", name="Modules").wait_for()


def part(page: "Page", title: str) -> "Locator":
    """The part of the page that is about a module."""
    return page.get_by_role("region", name=title, exact=True)


def test_a_module_is_switched_on_and_off(page: "Page", server: Server) -> None:
    open_modules(page, server)
    for action, state in (("Switch on", "on"), ("Switch off", "off")):
        part(page, "UTM campaigns").get_by_role("button", name=action).click()
        assert page.get_by_role("status").inner_text().startswith(f"utm_campaigns is {state}.")
        assert part(page, "UTM campaigns").locator(".state").inner_text() == state


def test_a_queue_is_switched_on_and_parked(page: "Page", server: Server) -> None:
    open_modules(page, server)
    assert "Keeps events in a table of its own." in part(page, "other_queue").inner_text()
    part(page, "other_queue").get_by_role("button", name="Switch on").click()
    part(page, "Other queue").get_by_role("button", name="Switch off, leave what it holds").click()
    assert part(page, "other_queue").locator(".state").inner_text() == "parked"
    part(page, "other_queue").get_by_role("button", name="Hand over what it holds").click()
    assert part(page, "Other queue").locator(".state").inner_text() == "handing over"
    part(page, "Other queue").get_by_role("button", name="Process what it holds").click()
    assert part(page, "Other queue").locator(".state").inner_text() == "draining"


def test_a_refusal_says_why(page: "Page", server: Server) -> None:
    open_modules(page, server)
    part(page, "File queue").get_by_role("button", name="Switch off, process what it holds").click()
    assert "file_queue is the only module" in page.get_by_role("alert").inner_text()
    assert part(page, "File queue").locator(".state").inner_text() == "on"
