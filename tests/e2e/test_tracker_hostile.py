"""The tracker on pages that make it hard, and for visitors who do not want it: no error, and nothing sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.tracked import SCRIPT, Site, rest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

EVERYTHING = """owa_cmds.push(['trackClicks'], ['trackHistory'], ['setCustomVar', 1, 'a', 'b', 'visitor'],
  ['setCustomVar', 2, 'a', 'b', 'session'], ['addTransaction', '1'], ['addTransactionLineItem', '1', 's'],
  ['trackTransaction'], ['trackAction', 'g', 'n']);"""
ODD = """() => {
  const round = {}; round.round = round;
  const broken = { toString() { throw new Error('no') }, get length() { throw new Error('no') } };
  const odd = [undefined, null, NaN, Symbol('s'), round, broken, Object.create(null), () => 1, [[]], -0, 10n, '\\ud800',
    'x'.repeat(5000), { __proto__: null, toString: 1 }, document, window];
  const names = ['setSiteId', 'setEndpoint', 'setPageTitle', 'setPageType', 'setUserName', 'setUserEmail',
    'trackPageView',
    'trackAction', 'trackClicks', 'addTransaction', 'addTransactionLineItem', 'trackTransaction', 'setCustomVar',
    'deleteCustomVar', 'trackHistory', 'respectDoNotTrack', 'noSuchCommand', '__proto__', 'constructor', ...odd];
  owa_cmds.push(...odd);
  for (const name of names) {
    for (const value of odd) owa_cmds.push([name, value, value, value, value], [name, 1, value, value, 'visitor']);
  }
}"""


def test_broken_arguments(page: Page, site: Site) -> None:
    page.goto(site.url(), wait_until="load")
    first = site.next_hit().sent
    page.route("**/log.php*", lambda route: route.abort())  # whatever they make of it
    page.evaluate(ODD)
    page.unroute("**/log.php*")
    page.evaluate(
        "(url) => owa_cmds.push(['setEndpoint', url], ['setSiteId', 's'], ['trackAction', 'ok'])", site.url("owa")
    )
    while (sent := site.next_hit().sent).get("action_group") != "ok":
        pass
    assert (sent["site_id"], sent["visitor_id"]) == ("s", first["visitor_id"])


CONDITIONS = {
    "frozen queue": "window.owa_cmds = Object.freeze([['setSiteId', 's'], ['trackPageView']])",
    "queue that is no array": "window.owa_cmds = { push() {}, splice() {} }",
    "queue that cannot be replaced": "Object.defineProperty(window, 'owa_cmds', { value: 7 })",
    "frozen prototypes": "[Object, Array, Function, History, Navigator, Document, Event].forEach("
    "(type) => Object.freeze(type.prototype))",
    "no beacon, no fetch": "delete Navigator.prototype.sendBeacon; delete window.fetch",
    "fetch that is none": "Navigator.prototype.sendBeacon = () => false; window.fetch = () => undefined",
    "no crypto": "Object.defineProperty(window, 'crypto', { value: undefined })",
    "timers that fail": "window.setTimeout = () => { throw new Error('no') }",
    "images that fail": "Navigator.prototype.sendBeacon = null; window.Image = () => { throw new Error('no') }",
    "base URL that is an element": "addEventListener('DOMContentLoaded', () => { owa_baseUrl = document.body })",
}


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("path", ["", "?q=" + "x" * 2000], ids=["short", "long"])
def test_hostile_page(browser: Browser, site: Site, name: str, path: str) -> None:
    """The page's own script may fail there; the tracker does not."""
    site.script, site.body = EVERYTHING, "<button>x</button>"
    with browser.new_context() as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error.stack or error)))
        page.add_init_script(CONDITIONS[name])
        page.goto(site.url(path), wait_until="load")
        page.evaluate("() => { try { history.pushState({}, '', '/a') } catch (error) { /* the page's */ } }")
        page.mouse.click(20, 20)
        page.evaluate("0")
        assert [error for error in errors if "tracker.js" in error] == []


@pytest.mark.parametrize("policy", ["connect-src 'none'", "connect-src 'none'; img-src 'none'"])
@pytest.mark.parametrize("path", ["", "?q=" + "x" * 2000], ids=["short", "long"])
def test_policy_that_forbids_connections(page: Page, site: Site, policy: str, path: str) -> None:
    site.script = EVERYTHING
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    html = site.page().replace("<head>", f"<head>{meta}")
    page.route(site.url(path), lambda route: route.fulfill(content_type="text/html", body=html))
    page.goto(site.url(path), wait_until="load")
    assert page.evaluate("owa_cmds.push(['trackAction', 'g'])") == 0
    page.evaluate("new Promise((done) => setTimeout(done, 50))")


def test_sandboxed_frame(page: Page, site: Site) -> None:
    site.script = EVERYTHING
    frame = '<iframe sandbox="allow-scripts" src="/framed"></iframe>'
    page.route(site.url("outer"), lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(site.url("outer"), wait_until="load")
    hits = [site.next_hit().sent for _ in range(3)]
    assert {hit["event_type"] for hit in hits} == {"base.page_request", "ecommerce.transaction", "track.action"}
    assert {hit["page_url"] for hit in hits} == {site.url("framed")}
    assert len({hit["session_id"] for hit in hits}) == 1


def test_before_there_is_a_body(page: Page, site: Site) -> None:
    """As a blocking script in the head."""
    site.script, site.body = EVERYTHING, "<button>x</button>"
    html = site.page(SCRIPT.replace(" async", ""))
    page.route(site.url("blocking"), lambda route: route.fulfill(content_type="text/html", body=html))
    page.goto(site.url("blocking"), wait_until="load")
    for _ in range(3):
        site.next_hit()
    page.click("button")
    assert site.next_hit().sent["dom_element_tag"] == "button"


def test_queue_replaced_by_the_page_later(page: Page, site: Site) -> None:
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    assert page.evaluate("owa_cmds = []; owa_cmds.push(['trackPageView'])") == 1  # nobody looks at it
    assert rest(page, site) == []


def test_frozen_queue_is_replaced(page: Page, site: Site) -> None:
    page.goto(site.url("bare"), wait_until="load")
    page.evaluate("owa_baseUrl = location.origin + '/owa'; owa_cmds = Object.freeze([['trackPageView']])")
    page.add_script_tag(url=site.url("tracker.js"))
    assert site.next_hit().sent["event_type"] == "base.page_request"
    assert page.evaluate("owa_cmds.push(['trackAction', 'g'])") == 0
    assert site.next_hit().sent["action_group"] == "g"


PREFERENCES = {
    "do not track": "Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })",
    "privacy control": "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })",
}
OFF = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => false })"


@pytest.mark.parametrize("name", PREFERENCES)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_visitor_who_does_not_want_it(page: Page, site: Site, name: str, is_first: bool) -> None:
    place = "unshift" if is_first else "push"  # wherever it stands, before the script or after it
    site.script = EVERYTHING + f"owa_cmds.{place}(['respectDoNotTrack']);"
    site.body = "<button>x</button>"
    page.add_init_script(PREFERENCES[name])
    page.goto(site.url("?owa_medium=email"), wait_until="load")
    page.click("button")
    page.evaluate("history.pushState({}, '', '/a'); owa_cmds.push(['trackPageView'], ['trackAction', 'g', 'n'])")
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert rest(page, site) == []
    assert page.context.cookies() == []


@pytest.mark.parametrize(("preference", "command"), [(PREFERENCES["do not track"], ""), (OFF, "respectDoNotTrack")])
def test_all_others_are_tracked(page: Page, site: Site, preference: str, command: str) -> None:
    site.script = f"owa_cmds.unshift(['{command}']);"
    page.add_init_script(preference)
    page.goto(site.url(), wait_until="load")
    assert site.next_hit().sent["event_type"] == "base.page_request"
    assert {cookie["name"] for cookie in page.context.cookies()} == {"owa_v", "owa_s"}
