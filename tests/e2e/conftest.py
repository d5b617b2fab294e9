"""A real browser: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.admin import ADMIN
from tests.e2e.tracked import site
from tests.servers import PASSWORD, Installation, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["site"]

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        unavailable("there is no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: "Browser") -> Iterator["BrowserContext"]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(context: "BrowserContext") -> Iterator["Page"]:
    """A page on which every test demands that no script failed."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.evaluate("0")  # what happened before has been reported now
    assert errors == []


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


def log_in(page: "Page", server: Server, path: str = "", user_id: str = ADMIN, password: str = PASSWORD) -> None:
    """Fill in the form of the login page. `path`: where it leads to."""
    page.goto(f"http://127.0.0.1:{server.port}/login" + (f"?next={path}" if path else ""))
    page.get_by_label("Name").fill(user_id)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def type_into(page: "Page", label: str, text: str) -> None:
    """By the keyboard. Raises playwright's `TimeoutError` when the focus does not get there by itself; a page sets it
    when it is painted, and what is typed before goes nowhere."""
    field = page.get_by_label(label)
    field.wait_for()
    page.wait_for_function("field => document.activeElement === field", arg=field.element_handle())
    page.keyboard.type(text)


def unavailable(reason: str) -> NoReturn:
    """Skips loudly at home; in CI it is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"no browser test can run: {reason}")
    pytest.skip(f"no browser test is run: {reason}")
