"""The tracker in a real browser: what it sends of a page view, and the cookies by which it knows a visitor."""

from __future__ import annotations

import gzip
import json
import re
import time
import zlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote

import pytest

from tests.e2e.tracked import SITE_ID, TRACKER, Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = pytest.mark.e2e

DAY = 86_400
CAMPAIGN = "owa_medium=email&owa_campaign=spring&owa_source=news"
ATTRIBS = [{"md": "email", "cn": "spring", "sr": "news"}]


def set_cookie(context: BrowserContext, site: Site, name: str, text: str) -> None:
    context.add_cookies([{"name": name, "value": quote(text, safe=""), "url": site.url()}])


def get_cookie(context: BrowserContext, name: str) -> str:
    return next(unquote(c["value"]) for c in context.cookies() if c["name"] == name)


def age_session(context: BrowserContext, site: Site, seconds: int) -> int:
    """Moves the session's last request into the past, and tells to when."""
    last_req = int(time.time()) - seconds
    session = get_cookie(context, "owa_s")
    session, count = re.subn(r"last_req=>\d+", f"last_req=>{last_req}", session)
    assert count == 1
    set_cookie(context, site, "owa_s", session)
    return last_req


def test_first_page_of_a_new_visitor(page: Page, site: Site) -> None:
    started = int(time.time())
    page.goto(site.url("start?q=ä%20b#top"))
    hit = site.next_hit()
    sent = hit.sent

    assert (hit.method, hit.body) == ("POST", "")
    now = sent["timestamp"]
    assert started <= int(now) <= time.time()
    for name in ("visitor_id", "session_id"):
        assert re.fullmatch(r"\d{19}", sent[name])
        assert sent[name].startswith(now)
    assert sent["visitor_id"] != sent["session_id"]
    assert list(sent.items()) == [
        ("timestamp", now),
        ("event_type", "base.page_request"),
        ("is_new_visitor", "true"),
        ("visitor_id", sent["visitor_id"]),
        ("fsts", now),
        ("dsfs", "0"),
        ("last_req", ""),
        ("session_id", sent["session_id"]),
        ("is_new_session", "true"),
        ("nps", "0"),
        ("dsps", "0"),
        ("site_id", SITE_ID),
        ("page_url", site.url("start?q=%C3%A4%20b#top")),
        ("HTTP_REFERER", ""),
        ("page_title", "Shop – start"),
    ]


def test_cookies_have_owas_format_and_are_written_before_sending(page: Page, site: Site) -> None:
    page.goto(site.url(f"?{CAMPAIGN}"))
    hit = site.next_hit()
    now, visitor, session = (hit.sent[n] for n in ("timestamp", "visitor_id", "session_id"))

    # The hash is the one in OWA's own cookies for this host.
    assert {name: unquote(value) for name, value in parse_qsl(hit.cookies, separator="; ")} == {
        "owa_v": f"cdh=>83a0a813|||vid=>{visitor}|||fsts=>{now}|||dsfs=>0|||nps=>0",
        "owa_s": f"cdh=>83a0a813|||last_req=>{now}|||sid=>{session}|||dsps=>0"
        "|||medium=>email|||campaign=>spring|||source=>news",
        "owa_c": '{"cdh":"83a0a813","attribs":[{"md":"email","cn":"spring","sr":"news"}]}',
    }
    days = {c["name"]: (c["expires"] - time.time()) / DAY for c in page.context.cookies()}
    assert days["owa_v"] > 365  # chromium grants at most 400 days of the two years
    assert days["owa_s"] > 365
    assert 59 < days["owa_c"] < 61
    assert {(c["path"], c["sameSite"]) for c in page.context.cookies()} == {("/", "Lax")}


def test_second_page_of_the_session(page: Page, site: Site) -> None:
    page.goto(site.url("a"))
    first = site.next_hit().sent
    last_req = age_session(page.context, site, 29 * 60)
    page.goto(site.url("b"))
    second = site.next_hit().sent

    assert "is_new_session" not in second
    assert "is_new_visitor" not in second
    assert "prior_session_id" not in second
    assert second["last_req"] == str(last_req)
    for name in ("visitor_id", "session_id", "fsts", "dsfs", "nps", "dsps"):
        assert second[name] == first[name]
    assert f"last_req=>{second['timestamp']}|||" in get_cookie(page.context, "owa_s")


def test_expired_session_makes_a_new_one_of_the_same_visitor(page: Page, site: Site) -> None:
    page.goto(site.url(f"?{CAMPAIGN}"))
    first = site.next_hit().sent
    last_req = age_session(page.context, site, 2 * DAY + 60)
    visitor = get_cookie(page.context, "owa_v")
    fsts = int(first["fsts"]) - 3 * DAY
    set_cookie(page.context, site, "owa_v", visitor.replace(first["fsts"], str(fsts), 2))
    visitor_id = first["visitor_id"].replace(first["fsts"], str(fsts))  # begins with the time, too
    page.goto(site.url())
    second = site.next_hit().sent

    assert second["session_id"] not in ("", first["session_id"])
    expected = {
        "visitor_id": visitor_id,
        "prior_session_id": first["session_id"],
        "is_new_session": "true",
        "last_req": str(last_req),
        "fsts": str(fsts),
        "nps": "1",
        "dsfs": "3",
        "dsps": "2",
        "attribs": first["attribs"],  # the visitor's campaigns stay, the session's do not
    }
    assert expected.items() <= second.items()
    assert not {"is_new_visitor", "medium", "campaign", "source"} & set(second)
    assert "|||dsfs=>3|||nps=>1" in get_cookie(page.context, "owa_v")

    page.goto(site.url())  # and the numbers stay for the rest of the session
    third = site.next_hit().sent
    for name in ("session_id", "nps", "dsfs", "dsps"):
        assert third[name] == second[name]


def test_campaign_is_sent_with_every_page_of_the_session(page: Page, site: Site) -> None:
    # A referrer says less than the campaign does. The bars would break OWA's plain cookie format.
    query = f"{CAMPAIGN}&owa_search_terms=a|||b&owa_ad=x%3D%3E1&owa_ad_type=big"
    page.goto(site.url(f"?{query}"), referer="https://search.example/")
    page.goto(site.url("next"))
    for sent in (site.next_hit().sent, site.next_hit().sent):
        campaign = {
            "medium": "email",
            "campaign": "spring",
            "source": "news",
            "search_terms": "a|||b",
            "ad": "x=>1",
            "ad_type": "big",
        }
        assert campaign.items() <= sent.items()
        touch = ATTRIBS[0] | {"tr": "a|||b", "ad": "x=>1", "at": "big"}
        assert json.loads(sent["attribs"]) == [touch]
        assert "session_referer" not in sent


def test_campaign_touches_are_kept_in_order_and_a_reload_is_none(page: Page, site: Site) -> None:
    for source in ("s1", "s2", "s3", "s4", "s5", "s5", "s6"):
        page.goto(site.url(f"?owa_source={source}"))
        sent = site.next_hit().sent
    assert sent["source"] == "s6"
    assert json.loads(sent["attribs"]) == [{"sr": f"s{i}"} for i in range(2, 7)]


def test_oversized_campaign_does_not_cost_the_session(page: Page, site: Site) -> None:
    names = ("medium", "campaign", "source", "search_terms", "ad", "ad_type")
    page.goto(site.url("?" + "&".join(f"owa_{name}={quote('語' * 500)}" for name in names)))
    first = site.next_hit().sent
    page.goto(site.url())
    second = site.next_hit().sent
    assert second["session_id"] == first["session_id"]
    assert second["ad_type"] == first["ad_type"] == "語" * len(first["ad_type"])


def test_external_referer_belongs_to_the_session(page: Page, site: Site) -> None:
    page.goto(site.url(), referer="https://search.example/")
    first = site.next_hit().sent
    assert first["HTTP_REFERER"] == first["session_referer"] == "https://search.example/"
    assert not {"medium", "source", "attribs"} & set(first)

    page.goto(site.url(), referer=site.url("before"))
    second = site.next_hit().sent
    assert second["HTTP_REFERER"] == site.url("before")
    assert second["session_referer"] == "https://search.example/"

    age_session(page.context, site, DAY)
    page.goto(site.url())
    assert "session_referer" not in site.next_hit().sent


def test_own_pages_are_no_session_referer(page: Page, site: Site) -> None:
    page.goto(site.url(), referer=site.url("before"))
    sent = site.next_hit().sent
    assert sent["is_new_session"] == "true"
    assert sent["HTTP_REFERER"] == site.url("before")
    assert "session_referer" not in sent


@pytest.mark.parametrize("form", ["plain", "json", "json with numbers", "foreign domain hash"])
def test_visitor_of_owas_own_tracker_is_continued(page: Page, site: Site, form: str) -> None:
    """Cookies as captured from the PHP system's tracker, with a fresher last request."""
    last_req = str(int(time.time()) - 60)
    vid, sid, fsts = "1795291324477040379", "1795291324997073454", "1795291324"
    visitor = f"cdh=>83a0a813|||vid=>{vid}|||fsts=>{fsts}|||dsfs=>4|||nps=>2"
    session = f"cdh=>83a0a813|||last_req=>{last_req}|||sid=>{sid}|||dsps=>3"
    session += "|||medium=>email|||campaign=>spring|||source=>news"
    if form == "foreign domain hash":
        visitor, session = (text.replace("83a0a813", "fedc304f") for text in (visitor, session))
    if form.startswith("json"):
        visitor, session = (
            json.dumps(dict(pair.split("=>") for pair in text.split("|||")), separators=(",", ":"))
            for text in (visitor, session)
        )
    if form == "json with numbers":
        visitor, session = (re.sub(r'"(\d{10,})"', r"\1", text) for text in (visitor, session))
    set_cookie(page.context, site, "owa_v", visitor)
    set_cookie(page.context, site, "owa_s", session)
    set_cookie(page.context, site, "owa_c", json.dumps({"cdh": "83a0a813", "attribs": ATTRIBS}))
    page.goto(site.url())
    sent = site.next_hit().sent

    expected = {
        "visitor_id": vid,
        "session_id": sid,
        "fsts": fsts,
        "last_req": last_req,
        "dsfs": "4",
        "nps": "2",
        "dsps": "3",
        "medium": "email",
        "campaign": "spring",
        "source": "news",
        "attribs": '[{"md":"email","cn":"spring","sr":"news"}]',
    }
    assert expected.items() <= sent.items()
    assert not {"is_new_visitor", "is_new_session"} & set(sent)


@pytest.mark.parametrize("text", ["", "vid=>abc", "{", "%", "vid=>9999999999999999999"])
def test_damaged_cookies_make_a_new_visitor(page: Page, site: Site, text: str) -> None:
    for name in ("owa_v", "owa_s", "owa_c"):
        page.context.add_cookies([{"name": name, "value": text, "url": site.url()}])
    page.goto(site.url())
    sent = site.next_hit().sent
    assert sent["is_new_visitor"] == "true"
    assert sent["visitor_id"].startswith(sent["timestamp"])


def test_a_cookie_for_the_whole_domain_does_not_hide_ours(page: Page, site: Site) -> None:
    """OWA's tracker leaves such cookies; the browser names both, the older one first."""
    page.add_init_script(
        """const own = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
        const stale = 'owa_s=' + encodeURIComponent('cdh=>83a0a813|||last_req=>1700000000|||sid=>7')
        Object.defineProperty(document, 'cookie', {
          get: () => [stale, own.get.call(document), stale].filter(Boolean).join('; '),
          set: (text) => own.set.call(document, text),
        });"""
    )
    page.goto(site.url())
    first = site.next_hit().sent
    page.goto(site.url())
    second = site.next_hit().sent
    assert second["session_id"] == first["session_id"]
    assert "is_new_session" not in second


@pytest.mark.parametrize("way", ["beacon", "fetch"])
def test_long_event_goes_as_form_post(page: Page, site: Site, way: str) -> None:
    missing = {"beacon": "fetch = undefined", "fetch": "Navigator.prototype.sendBeacon = () => false"}
    page.add_init_script(missing[way])
    page.goto(site.url("?q=" + "ü" * 700))
    hit = site.next_hit()
    assert (hit.method, hit.query) == ("POST", "")
    assert hit.content_type.startswith("application/x-www-form-urlencoded")
    assert hit.sent["page_url"] == site.url("?q=" + quote("ü" * 700))
    assert hit.sent["page_title"] == "Shop – start"
    assert hit.sent["is_new_session"] == "true"


def test_long_event_without_beacons_outlives_its_page(page: Page, site: Site) -> None:
    page.add_init_script(
        """delete Navigator.prototype.sendBeacon;
        window.fetch = async (url, { body, ...options }) => {
          window.options = options;
        }"""
    )
    page.goto(site.url("?q=" + "x" * 2000), wait_until="load")
    assert page.evaluate("options") == {
        "method": "POST",
        "keepalive": True,
        "mode": "no-cors",
        "credentials": "omit",
    }


@pytest.mark.parametrize("query", ["", "x" * 2000], ids=["short", "long"])
def test_unreachable_server_disturbs_nothing(page: Page, site: Site, query: str) -> None:
    page.route("**/owa/log.php*", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "/owa/log.php" in request.url):
        page.goto(site.url("?q=" + query))
    assert site.hits.empty()


@pytest.mark.parametrize(("length", "in_url"), [(2000, True), (2001, False)])
def test_where_a_url_is_too_long(page: Page, site: Site, length: int, in_url: bool) -> None:
    page.goto(site.url("?q="))
    base = len(site.url("owa/log.php?") + site.next_hit().query)
    page.context.clear_cookies()
    page.goto(site.url("?q=" + "x" * (length - base)))
    assert bool(site.next_hit().query) is in_url


@pytest.mark.parametrize(
    "script",
    [
        "delete Navigator.prototype.sendBeacon",
        "Navigator.prototype.sendBeacon = () => false",
        "Navigator.prototype.sendBeacon = () => { throw new Error('no') }",
    ],
    ids=["missing", "refused", "throws"],
)
def test_without_beacon_a_pixel_is_fetched(page: Page, site: Site, script: str) -> None:
    page.add_init_script(script)
    page.goto(site.url())
    hit = site.next_hit()
    assert hit.method == "GET"
    assert hit.sent["event_type"] == "base.page_request"


def serve_as(page: Page, site: Site, address: str) -> None:
    """The site's pages, at an address of the world out there."""

    def answer(route: Route) -> None:
        if route.request.url.endswith("tracker.js"):
            route.fulfill(content_type="text/javascript", body=TRACKER.read_text("utf-8"))
        else:
            route.fulfill(content_type="text/html", body=site.page())

    page.route(f"{address}**", answer)


def test_a_domain_with_and_without_www_has_the_same_visitors(page: Page, site: Site) -> None:
    """The cookies are for the domain, and their hash is of that, as OWA's: it would not read them else."""
    for address in ("https://www.shop.example/", "https://shop.example/"):
        serve_as(page, site, address)
        page.goto(address, wait_until="load")
    cookies = page.context.cookies()
    assert sorted((c["name"], c["domain"]) for c in cookies) == [("owa_s", ".shop.example"), ("owa_v", ".shop.example")]
    assert f"cdh=>{zlib.crc32(b'.shop.example'):08x}|||" in get_cookie(page.context, "owa_v")


def test_the_site_may_say_for_which_domain_the_cookies_are(page: Page, site: Site) -> None:
    site.script = "owa_cmds.unshift(['setCookieDomain', 'shop.example']);"
    serve_as(page, site, "https://blog.shop.example/")
    page.goto("https://blog.shop.example/", wait_until="load")
    assert {c["domain"] for c in page.context.cookies()} == {".shop.example"}


def test_where_no_domain_will_do_the_cookies_are_the_hosts(page: Page, site: Site) -> None:
    site.script = "owa_cmds.unshift(['setCookieDomain', 'other.example']);"
    serve_as(page, site, "https://shop.example/")
    page.goto("https://shop.example/", wait_until="load")
    assert {(c["name"], c["domain"]) for c in page.context.cookies()} == {
        ("owa_v", "shop.example"),
        ("owa_s", "shop.example"),
    }


def test_cookies_of_an_https_page_are_secure(page: Page, site: Site) -> None:
    serve_as(page, site, "https://shop.example/")
    page.goto("https://shop.example/", wait_until="load")
    cookies = page.context.cookies()
    assert {(c["name"], c["domain"], c["secure"]) for c in cookies} == {
        ("owa_v", ".shop.example", True),
        ("owa_s", ".shop.example", True),
    }
    assert f"cdh=>{zlib.crc32(b'.shop.example'):08x}|||" in get_cookie(page.context, "owa_v")


def test_forbidden_cookies_disturb_nothing(page: Page, site: Site) -> None:
    page.add_init_script(
        """const refuse = () => { throw new DOMException('no cookies', 'SecurityError') };
        Object.defineProperty(document, 'cookie', { get: refuse, set: refuse })"""
    )
    page.goto(site.url(f"?{CAMPAIGN}"))
    sent = site.next_hit().sent
    assert sent["is_new_visitor"] == sent["is_new_session"] == "true"
    assert json.loads(sent["attribs"]) == ATTRIBS


def test_half_a_character_in_the_title_does_not_stop_the_event(page: Page, site: Site) -> None:
    page.goto(site.url())
    site.next_hit()
    page.evaluate("document.title = 'cut \\ud83d'; owa_cmds.push(['trackPageView'])")
    assert site.next_hit().sent["page_title"] == "cut \N{REPLACEMENT CHARACTER}"


def test_commands_pushed_later_run_at_once(page: Page, site: Site) -> None:
    """As a single-page application does: still the session's first page."""
    page.goto(site.url())
    first = site.next_hit().sent
    page.evaluate("history.pushState({}, '', '/2'); owa_cmds.push(['setSiteId', 'b'])")
    page.evaluate("owa_cmds.push(['trackPageView'])")
    second = site.next_hit().sent
    assert second["site_id"] == "b"
    assert second["page_url"] == site.url("2")
    for name in ("visitor_id", "session_id", "is_new_visitor", "is_new_session", "last_req"):
        assert second[name] == first[name]


def test_page_that_idled_begins_a_new_session(page: Page, site: Site) -> None:
    page.clock.install()
    page.goto(site.url(f"?{CAMPAIGN}"), referer="https://search.example/")
    first = site.next_hit().sent
    for _ in range(2):  # each page view prolongs the session
        page.clock.fast_forward("29:00")
        page.evaluate("owa_cmds.push(['trackPageView'])")
        sent = site.next_hit().sent
        assert sent["session_id"] == first["session_id"]
        assert f"last_req=>{sent['timestamp']}|||" in get_cookie(page.context, "owa_s")
    page.clock.fast_forward("31:00")
    page.evaluate("owa_cmds.push(['trackPageView'])")
    later = site.next_hit().sent
    assert later["prior_session_id"] == first["session_id"]
    assert (later["nps"], later["is_new_session"]) == ("1", "true")
    assert not {"is_new_visitor", "medium", "session_referer"} & set(later)


def test_tracker_included_twice_counts_once(page: Page, site: Site) -> None:
    page.goto(site.url("twice"), wait_until="load")
    assert site.next_hit().sent["site_id"] == SITE_ID
    page.evaluate("owa_cmds.push(['setSiteId', 'last'], ['trackPageView'])")
    assert site.next_hit().sent["site_id"] == "last"
    assert site.hits.empty()


def test_queue_replaced_by_a_second_tag_is_taken_over(page: Page, site: Site) -> None:
    page.goto(site.url(), wait_until="load")
    first = site.next_hit().sent
    page.evaluate("owa_cmds = [['setSiteId', 'b'], ['trackPageView']]")
    page.add_script_tag(url=site.url("tracker.js"))
    second = site.next_hit().sent
    assert second["site_id"] == "b"
    assert second["session_id"] == first["session_id"]
    assert second["is_new_session"] == "true"  # the same page, so the same visit


def test_page_without_a_queue_gets_one(page: Page, site: Site) -> None:
    page.goto(site.url("bare"), wait_until="load")
    page.evaluate("owa_baseUrl = location.origin + '/owa'; owa_cmds.push(['trackPageView'])")
    assert site.next_hit().sent["site_id"] == ""  # the server counts and shows that refusal


def test_prerendered_page_is_viewed_when_it_is_shown(page: Page, site: Site) -> None:
    page.add_init_script("Object.defineProperty(document, 'prerendering', { value: true })")
    page.goto(site.url(), wait_until="load")
    page.evaluate("document.title = 'shown'")
    page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    assert site.next_hit().sent["page_title"] == "shown"


def test_page_without_base_url_is_left_alone(page: Page, site: Site) -> None:
    page.add_init_script("Object.defineProperty(window, 'owa_baseUrl', { set: () => {} })")
    page.goto(site.url(), wait_until="load")
    assert page.evaluate("owa_cmds.push(['trackPageView'])") == 0  # the tracker runs
    assert page.context.cookies() == []
    assert site.hits.empty()


def test_the_tracker_is_small() -> None:
    assert len(gzip.compress(TRACKER.read_bytes(), 9)) < 6 * 1024
