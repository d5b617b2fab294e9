"""The tracker's actions, clicks, transactions and custom variables in a real browser."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from tests.e2e.tracked import Hit, Site, rest
from tests.servers import FIXTURES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

MOMENTARY = {"timestamp", "visitor_id", "session_id", "fsts", "last_req"}
TAG = "owa_cmds.splice(-1, 0, ['setCustomVar', 1, 'plan', 'gold', 'session']);"
PURCHASE = """
owa_cmds.push(['addTransaction', 'ORD-1', 'shop', '110.50', '10.00', '5.50', 'visa', 'Berlin', 'BE', 'Germany']);
owa_cmds.push(['addTransactionLineItem', 'ORD-1', 'SKU1', 'Widget', 'tools', '45.00', '2']);
owa_cmds.push(['addTransactionLineItem', 'ORD-1', 'SKU2', 'Gadget', 'toys', '5.00', 1]);
owa_cmds.push(['trackTransaction']);
"""


def recorded(name: str) -> dict[str, str]:
    """What PHP OWA's tracker sent."""
    query = urlsplit((FIXTURES / f"{name}.http").read_text("utf-8").split()[1]).query
    return {name.removeprefix("owa_"): value for name, value in parse_qsl(query, keep_blank_values=True)}


def compared(sent: dict[str, str], site: Site) -> dict[str, str]:
    """Without what depends on the moment, at the address of the recording."""
    return {
        name: "" if name in MOMENTARY else value.replace(site.url(), "http://127.0.0.1:18081/")
        for name, value in sent.items()
    }


def test_the_same_acts_send_what_owas_own_tracker_sent(browser: Browser, site: Site) -> None:
    site.script = TAG + "owa_cmds.push(['trackClicks']); document.title = 'Capture page – tracker';"
    site.body = """<a id="lnk" name="lname" class="cta big" href="#frag&amp;x=1"
        style="position: absolute; left: 8px; top: 81px">Click me</a>"""
    with browser.new_context(viewport={"width": 1200, "height": 800}) as context:
        page = context.new_page()
        address = site.url("pages/track.html")
        query = "?owa_medium=email&owa_campaign=spring&owa_source=news"
        page.goto(address + query, referer="https://www.google.com/search?q=open+web", wait_until="load")
        first = site.next_hit()
        page.evaluate("owa_cmds.push(['trackAction', 'videos', 'play', 'intro', 3])")
        action = site.next_hit()
        page.evaluate(PURCHASE)
        transaction = site.next_hit()
        page.mouse.click(37, 89)
        click = site.next_hit()
        page.goto(address + "?p=2", wait_until="load")
        second = site.next_hit()
        page.evaluate(
            "navigator.sendBeacon = () => false; owa_cmds.push(['trackAction', 'gifs', 'fallback', 'img', 1])"
        )
        pixel = site.next_hit()
    for name, hit in {
        "page_request_new_session": first,
        "track_action": action,
        "ecommerce_transaction": transaction,
        "dom_click": click,
        "page_request_same_session": second,
        "track_action_img_fallback_GET": pixel,
    }.items():
        assert compared(hit.sent, site) == compared(recorded(name), site), name
        for identifier in ("visitor_id", "session_id"):
            assert hit.sent[identifier] == first.sent[identifier]
        assert bool(hit.sent["last_req"]) is bool(recorded(name)["last_req"])
    assert pixel.method == "GET"
    cookie = dict(parse_qsl(second.cookies, separator="; "))["owa_b"]
    assert json.loads(unquote(cookie)) == {"cdh": "83a0a813", "cv1": "plan=gold"}


def clicked(page: Page, site: Site, body: str, selector: str) -> dict[str, str]:
    """What is sent of a click, and nothing else is."""
    site.script, site.body = "owa_cmds.push(['trackClicks'], ['trackClicks']);", body
    page.goto(site.url("p"), wait_until="load")
    assert site.next_hit().sent["event_type"] == "base.page_request"
    page.locator(selector).click()
    hit = site.next_hit()
    assert rest(page, site) == []
    return {name.removeprefix("dom_element_"): value for name, value in hit.sent.items()}


NOTHING = dict.fromkeys(("name", "value", "id", "class", "text"), "(not set)")
LABELLED = {"tag": "input", "id": "c", "value": "red"}
STAY = """<script>
  document.addEventListener('click', (event) => event.target.closest('a, [type=submit]') && event.preventDefault());
</script>"""
CLICKS: dict[str, tuple[str, str, dict[str, str]]] = {
    "part of a link": (
        "<a id=a href='/x?y#z'><b>A <i>long</i>\n  way</b></a>",
        "i",
        {"tag": "a", "id": "a", "text": "A long way", "target_url": "/x?y#z"},
    ),
    "image in a link": ("<a href=/x><img alt=Cat width=9 height=9></a>", "img", {"tag": "a", "text": "Cat"}),
    "drawing in a link": (
        "<a href=/x><svg width=9 height=9><rect class=r width=9 height=9 /></svg></a>",
        "rect",
        {"tag": "a", "target_url": "/x"},
    ),
    "button": (
        "<button name=n value=v type=button><span>Buy</span></button>",
        "span",
        {"tag": "button", "name": "n", "value": "v", "text": "Buy"},
    ),
    "button as an input": ("<input type=submit value=Go>", "input", {"tag": "input", "value": "Go", "text": "Go"}),
    "checkbox": ("<input type=checkbox value=red>", "input", {"tag": "input", "value": "red"}),
    "label": ("<label for=c>Red</label><input id=c type=checkbox value=red>", "label", LABELLED),
    "text field": ("<input name=mail value=me@example.org>", "input", {"tag": "input", "name": "mail"}),
    "password": ("<input type=password value=secret>", "input", {"tag": "input"}),
    "hidden type": ("<input type=no-such-type value=secret>", "input", {"tag": "input"}),
    "textarea": ("<textarea>secret</textarea>", "textarea", {"tag": "textarea"}),
    "select": ("<select><option value=secret>secret</select>", "select", {"tag": "select"}),
    "text that is edited": ("<p contenteditable>secret</p>", "p", {"tag": "p"}),
    "part of that": ("<p contenteditable><b>secret</b></p>", "b", {"tag": "b"}),
    "around a field": ("<div role=button><b>x</b><p contenteditable>secret</p></div>", "b", {"tag": "div"}),
    "plain text": ("<p id=p>Some text</p>", "p", {"tag": "p", "id": "p", "text": "Some text"}),
    "part of the page": ("<main><p>much</p> text</main>", "main", {"tag": "main"}),
    "script as a target": ("<a href='javascript:void(0)'>x</a>", "a", {"tag": "a", "text": "x"}),
    "long text": (f"<button>{'x' * 999}</button>", "button", {"tag": "button", "text": "x" * 255}),
}


@pytest.mark.parametrize("name", CLICKS)
def test_click(page: Page, site: Site, name: str) -> None:
    body, selector, expected = CLICKS[name]
    sent = clicked(page, site, body + STAY, selector)
    own = {key: sent[key] for key in ("tag", *NOTHING)}
    assert own == NOTHING | {key: expected[key] for key in expected.keys() & own.keys()}
    if target := expected.get("target_url"):
        assert sent["target_url"] == site.url() + target[1:]
    elif "href=/" not in body:
        assert "target_url" not in sent
    assert "secret" not in "".join(sent.values())
    assert "me@example.org" not in "".join(sent.values())


def test_click_in_a_shadow_tree_and_one_that_the_page_stops(page: Page, site: Site) -> None:
    body = """<my-card></my-card><script>
        const root = document.querySelector('my-card').attachShadow({ mode: 'open' });
        root.innerHTML = '<a id=deep href=/deep>Deep</a>';
        root.firstChild.addEventListener('click', (event) => {
          event.preventDefault();
          event.stopPropagation();
          event.target.remove();
        });
      </script>"""
    sent = clicked(page, site, body, "#deep")
    assert (sent["id"], sent["text"], sent["target_url"]) == ("deep", "Deep", site.url("deep"))


def test_a_script_clicks_for_nobody(page: Page, site: Site) -> None:
    site.script, site.body = "owa_cmds.push(['trackClicks']);", "<button>x</button>"
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    page.evaluate("document.querySelector('button').click()")
    assert rest(page, site) == []


def test_positions_count_from_the_start_of_the_page(page: Page, site: Site) -> None:
    body = "<p style='height: 3000px; width: 3000px'></p><button style='margin-left: 2000px'>far</button>"
    sent = clicked(page, site, body, "button")
    box = page.evaluate(
        """() => { const box = document.querySelector('button').getBoundingClientRect();
        return [box.x + scrollX, box.y + scrollY, box.width, box.height, innerWidth, innerHeight] }"""
    )
    x, y = int(sent["x"]), int(sent["y"])
    assert (abs(x - box[0]) <= 1, abs(y - box[1]) <= 1) == (True, True)
    assert x > 2000
    assert y > 3000
    assert x <= int(sent["click_x"]) <= x + box[2] + 1
    assert y <= int(sent["click_y"]) <= y + box[3] + 1
    assert [int(sent["page_width"]), int(sent["page_height"])] == box[4:]


def after(page: Page, site: Site, *commands: object) -> dict[str, str]:
    """What an action sends after these commands; the page view is taken."""
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    return sent_after(page, site, *commands)


def sent_after(page: Page, site: Site, *commands: object) -> dict[str, str]:
    page.evaluate("(commands) => owa_cmds.push(...commands, ['trackAction', 'g', 'n'])", list(commands))
    return site.next_hit().sent


def test_arguments_that_are_absent_are_not_sent(page: Page, site: Site) -> None:
    sent = after(page, site)
    assert (sent["action_group"], sent["action_name"]) == ("g", "n")
    assert not {"action_label", "numeric_value"} & set(sent)


def test_what_a_page_says_of_itself_goes_with_all_of_its_events(page: Page, site: Site) -> None:
    said = {"setPageTitle": "T", "setPageType": "product", "setUserName": "Ada", "setUserEmail": "ada@example.org"}
    sent = after(page, site, *([name, value] for name, value in said.items()))
    assert [sent[name] for name in ("page_title", "page_type", "user_name", "user_email")] == list(said.values())


@pytest.mark.parametrize("path", ["other", "other/", "other/log.php"])
def test_endpoint(page: Page, site: Site, path: str) -> None:
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    with page.expect_request("**/other/log.php*"):
        page.evaluate("(url) => owa_cmds.push(['setEndpoint', url], ['trackAction'])", site.url(path))


def test_address_of_a_page_view_by_its_command(page: Page, site: Site) -> None:
    page.goto(site.url("a/b"), wait_until="load")
    site.next_hit()
    page.evaluate("owa_cmds.push(['trackPageView', 'https://shop.example/virtual'], ['trackPageView', '/c'])")
    found = [site.next_hit().sent["page_url"] for _ in range(2)]
    assert sorted(found) == [site.url("c"), "https://shop.example/virtual"]


def test_transaction_needs_its_beginning_and_is_sent_once(page: Page, site: Site) -> None:
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    page.evaluate("owa_cmds.push(['addTransactionLineItem', '1', 's'], ['trackTransaction'])")
    page.evaluate("owa_cmds.push(['addTransaction', 7, undefined, 10.5], ['trackTransaction'], ['trackTransaction'])")
    sent = site.next_hit().sent
    assert {name for name in sent if name.startswith("ct_")} == {"ct_order_id", "ct_total"}
    assert (sent["ct_order_id"], sent["ct_total"]) == ("7", "10.5")
    assert rest(page, site) == []


def test_big_transaction_of_a_page_that_is_closed_at_once(page: Page, site: Site) -> None:
    page.goto(site.url(), wait_until="load")
    site.next_hit()
    other = page.context.new_page()
    other.goto(site.url())
    other.evaluate(
        """() => {
          owa_cmds.push(['addTransaction', 'big']);
          for (let i = 0; i < 100; i++) {
            owa_cmds.push(['addTransactionLineItem', 'big', 'sku' + i, 'Product – ' + i, 'c', '1.00', 1]);
          }
          owa_cmds.push(['trackTransaction']);
          close();
        }"""
    )
    hits: list[Hit] = [site.next_hit(), site.next_hit()]
    (hit,) = (hit for hit in hits if hit.sent["event_type"] == "ecommerce.transaction")
    assert (hit.method, hit.query) == ("POST", "")
    assert hit.sent["ct_line_items[99][li_product_name]"] == "Product – 99"
    assert len([name for name in hit.sent if re.fullmatch(r"ct_line_items\[\d+\]\[li_sku\]", name)]) == 100


def variables(sent: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if re.fullmatch(r"cv\d", name)}


def test_custom_variables_are_kept_as_long_as_their_scope_says(page: Page, site: Site) -> None:
    sent = after(
        page,
        site,
        ["setCustomVar", 1, "a", "page", "page"],
        ["setCustomVar", "2", "b", "session", "session"],
        ["setCustomVar", 3, "c", "vis|||=>itor", "visitor"],
        ["setCustomVar", 4, "d", "default"],
    )
    kept = {"cv2": "b=session", "cv3": "c=vis|||=>itor"}
    assert variables(sent) == kept | {"cv1": "a=page", "cv4": "d=default"}
    expires = {cookie["name"]: cookie["expires"] for cookie in page.context.cookies()}
    assert expires["owa_b"] == -1  # with the browser
    page.goto(site.url("2"))
    assert variables(site.next_hit().sent) == kept
    page.context.add_cookies([{"name": "owa_s", "value": "", "url": site.url()}])
    page.goto(site.url("3"))
    sent = site.next_hit().sent
    assert sent["is_new_session"] == "true"
    assert "is_new_visitor" not in sent
    assert variables(sent) == {"cv3": kept["cv3"]}
    assert "owa_b" not in {cookie["name"] for cookie in page.context.cookies()}


def test_custom_variables_of_a_session_that_begins_with_them(page: Page, site: Site) -> None:
    site.script = TAG + "owa_cmds.splice(-1, 0, ['setCustomVar', 2, 'since', '2020', 'visitor']);"
    page.goto(site.url(), wait_until="load")
    assert variables(site.next_hit().sent) == {"cv1": "plan=gold", "cv2": "since=2020"}
    site.script = ""
    page.goto(site.url(), wait_until="load")
    sent = site.next_hit().sent
    assert variables(sent) == {"cv1": "plan=gold", "cv2": "since=2020"}
    sent = sent_after(page, site, ["setCustomVar", 1, "plan", "free", "visitor"])
    assert variables(sent) == {"cv1": "plan=free", "cv2": "since=2020"}
    sent = sent_after(page, site, ["deleteCustomVar", 1], ["deleteCustomVar", 2], ["deleteCustomVar", 3])
    assert variables(sent) == {}
    page.goto(site.url(), wait_until="load")
    assert variables(site.next_hit().sent) == {}


@pytest.mark.parametrize(
    "variable",
    [[0, "a", "b"], [6, "a", "b"], ["x"], [1, "a", "x" * 64], [1, {}, "x" * 60], [], [1.5, "a", "b"]],
    ids=str,
)
def test_custom_variables_that_are_none(page: Page, site: Site, variable: list[object]) -> None:
    assert variables(after(page, site, ["setCustomVar", *variable])) == {}


def test_custom_variables_in_owas_own_cookies_are_kept(page: Page, site: Site) -> None:
    vid = "1795291324477040379"
    cookie = f"cdh%3D%3E83a0a813%7C%7C%7Cvid%3D%3E{vid}%7C%7C%7Cfsts%3D%3E1795291324%7C%7C%7Ccv2%3D%3Eplan%3Dgold"
    page.context.add_cookies([{"name": "owa_v", "value": cookie, "url": site.url()}])
    for _ in range(2):
        page.goto(site.url())
        sent = site.next_hit().sent
        assert (sent["visitor_id"], variables(sent)) == (vid, {"cv2": "plan=gold"})
