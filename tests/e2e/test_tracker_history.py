"""The tracker in single-page applications: a page view for each address that a script goes to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import CHROMIUM_ARGS
from tests.e2e.tracked import Site, rest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

WATCH = "owa_cmds.push(['trackHistory']);"


@pytest.fixture
def application(page: Page, site: Site) -> dict[str, str]:
    """Open on the page; what its first page view sent."""
    site.script = WATCH
    page.goto(site.url("start?q=1#top"), referer="https://search.example/", wait_until="load")
    return site.next_hit().sent


def test_a_route_is_a_later_page(page: Page, site: Site, application: dict[str, str]) -> None:
    page.evaluate("history.pushState({}, '', '/a?b=1#c'); document.title = 'A'")
    sent = site.next_hit().sent
    assert (sent["event_type"], sent["page_url"], sent["page_title"]) == (
        "base.page_request",
        site.url("a?b=1#c"),
        "A",
    )
    assert sent["HTTP_REFERER"] == site.url("start?q=1")
    assert sent["last_req"] == application["timestamp"]
    for name in ("visitor_id", "session_id", "session_referer", "fsts", "nps", "dsps"):
        assert sent[name] == application[name]
    assert not {"is_new_session", "is_new_visitor", "prior_session_id"} & set(sent)

    page.evaluate("owa_cmds.push(['trackAction', 'g', 'n'])")
    action = site.next_hit().sent
    assert "is_new_session" not in action
    assert (action["page_url"], action["HTTP_REFERER"]) == (site.url("a?b=1#c"), site.url("start?q=1"))


def test_each_way_to_another_address(page: Page, site: Site, application: dict[str, str]) -> None:
    ways = {
        "history.pushState(null, '', '/b')": ("b", "start?q=1"),
        "history.replaceState(null, '', '/c')": ("c", "b"),
        "history.back()": ("start?q=1#top", "c"),
        "history.forward()": ("c", "start?q=1"),
    }
    for script, (path, before) in ways.items():
        page.evaluate(script)
        sent = site.next_hit().sent
        assert (sent["page_url"], sent["HTTP_REFERER"]) == (site.url(path), site.url(before)), script
    assert rest(page, site) == []


def test_what_is_no_other_page(page: Page, site: Site, application: dict[str, str]) -> None:
    page.evaluate("history.replaceState({ scroll: 7 }, '')")
    page.evaluate("history.pushState({}, '', '#elsewhere')")
    page.evaluate("location.hash = 'x'")
    page.evaluate("history.back()")
    page.evaluate("history.pushState({}, '', '/a'); history.pushState({}, '', location.origin + '/start?q=1')")
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert rest(page, site) == []


def test_a_redirect_in_one_task_is_one_page(page: Page, site: Site, application: dict[str, str]) -> None:
    page.evaluate("history.pushState({}, '', '/old'); history.replaceState({}, '', '/new')")
    assert site.next_hit().sent["page_url"] == site.url("new")
    page.evaluate("history.pushState({}, '', '/own'); owa_cmds.push(['trackPageView'])")  # by the application, too
    own = site.next_hit().sent
    assert own["page_url"] == site.url("own")
    assert "is_new_session" not in own
    assert rest(page, site) == []


def test_a_route_after_the_session_begins_another(page: Page, site: Site) -> None:
    page.clock.install()
    site.script = WATCH
    page.goto(site.url(), wait_until="load")
    first = site.next_hit().sent
    page.clock.fast_forward("31:00")
    page.evaluate("owa_cmds.push(['trackAction', 'g', 'n'])")  # of the page that it is on
    action = site.next_hit().sent
    assert action["session_id"] == first["session_id"]
    page.evaluate("history.pushState({}, '', '/a')")
    page.clock.run_for(100)
    later = site.next_hit().sent
    assert (later["is_new_session"], later["prior_session_id"]) == ("true", first["session_id"])
    assert "is_new_visitor" not in later


@pytest.mark.parametrize(
    "wrapped",
    [
        "history.pushState = function (...values) { window.seen = values; return own.apply(this, values) }",
        "Object.freeze(History.prototype)",
        "Object.freeze(history)",
        "delete window.navigation; Object.freeze(History.prototype)",
        "Object.defineProperty(history, 'pushState', { value: own, writable: false })",
    ],
)
def test_history_that_others_have_their_hands_on(page: Page, site: Site, wrapped: str) -> None:
    page.add_init_script("const own = history.pushState; " + wrapped)
    site.script = WATCH + WATCH
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    page.evaluate("history.pushState({ mine: 1 }, '', '/a')")
    assert site.next_hit().sent["page_url"] == site.url("a")
    assert page.evaluate("history.state") == {"mine": 1}
    if "seen" in wrapped:
        assert page.evaluate("seen[2]") == "/a"
    assert rest(page, site) == []


def test_wrappers_that_were_taken_off(page: Page, site: Site, application: dict[str, str]) -> None:
    page.evaluate("delete history.pushState; history.pushState({}, '', '/a')")
    assert site.next_hit().sent["page_url"] == site.url("a")


def test_errors_of_the_history_reach_the_application(page: Page, site: Site, application: dict[str, str]) -> None:
    script = "try { history.pushState({}, '', 'https://elsewhere.example/') } catch (error) { error.name }"
    assert page.evaluate(script) == "SecurityError"
    assert rest(page, site) == []


def test_without_the_command_the_history_is_left_alone(page: Page, site: Site) -> None:
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    page.evaluate("history.pushState({}, '', '/a')")
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert rest(page, site) == []
    assert page.evaluate("Object.hasOwn(history, 'pushState')") is False


def test_a_page_from_the_back_forward_cache_is_not_counted_again(browser: Browser, site: Site) -> None:
    site.script = WATCH + "addEventListener('pageshow', (event) => { window.isRestored = event.persisted; });"
    cached = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=[*CHROMIUM_ARGS, "--enable-features=BackForwardCache"],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    with cached:
        page = cached.new_page()
        page.goto(site.url("a"), wait_until="load")
        first = site.next_hit().sent
        page.goto(site.url("b"), wait_until="load")
        site.next_hit()
        page.evaluate("history.back()")
        page.wait_for_function("location.pathname === '/a' && window.isRestored")
        page.evaluate("new Promise((done) => setTimeout(done, 50))")
        assert rest(page, site) == []
        page.evaluate("owa_cmds.push(['trackAction', 'g', 'n'])")
        action = site.next_hit().sent
        assert (action["page_url"], action["session_id"]) == (site.url("a"), first["session_id"])
        assert action["is_new_session"] == "true"  # that page is still the session's first
