"""Logging in, being refused, changing the password and logging out, in a real browser."""

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import log_in, type_into
from tests.servers import PASSWORD, Installation, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    return queueing


def test_in_refused_another_password_and_out(page: "Page", server: Server) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/admin/audit")
    assert page.url.endswith("/login?next=%2Fadmin%2Faudit")
    page.get_by_label("Name").fill("admin")
    page.keyboard.press("Tab")
    type_into(page, "Password", "wrong")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "Name and password do not belong together."
    type_into(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/audit")
    page.get_by_text("fail to log in: admin").wait_for()

    page.get_by_role("link", name="admin", exact=True).click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another horse")
    page.get_by_role("button", name="Change the password").click()
    assert "The password was changed." in page.get_by_role("status").inner_text()
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Log out").click()
    page.goto(f"http://127.0.0.1:{server.port}/admin/audit")
    page.wait_for_url("**/login?next=*")
    log_in(page, server)
    page.get_by_role("alert").wait_for()
    log_in(page, server, password="another horse")
    page.get_by_role("button", name="Log out").wait_for()


def test_a_user_is_added_and_sees_what_he_may(page: "Page", browser: "Browser", server: Server) -> None:
    log_in(page, server)
    page.get_by_role("link", name="Users").click()
    page.get_by_label("Name", exact=True).fill("vic")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Add the user").click()
    password = page.get_by_role("status").locator("code").inner_text()
    other = browser.new_context()
    his = other.new_page()
    log_in(his, server, user_id="vic", password=password)
    links = his.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert links == ["Dashboard", "Sites"]
    page.get_by_role("link", name="vic", exact=True).click()
    page.get_by_role("button", name="End all logins").click()
    assert "have ended" in page.get_by_role("status").inner_text()
    his.reload()
    his.get_by_role("heading", name="Log in").wait_for()
    other.close()
