"""Failed events: listed, looked at, retried and discarded, and nothing that an event could inject."""

import json
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.admin import Visitor, add_user
from tests.failures import broken, damaged, event, execute, fail, put
from tests.servers import DOMAIN, SITE_ID, Install, Installation, Server

XSS = "<script>alert('x')</script>"
OTHER_SITE = "another site"


@pytest.fixture(scope="module")
def accounts(install: Install) -> Installation:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")
    add_user(installation, "boss", "admin")
    add_user(installation, "eye", "viewer", [SITE_ID])
    return installation


@pytest.fixture(scope="module")
def server(accounts: Installation) -> Iterator[Server]:
    with accounts.serve() as server:
        yield server


@pytest.fixture(scope="module")
def boss(server: Server) -> Visitor:
    return Visitor(server).log_in("boss")


@pytest.fixture
def installation(accounts: Installation) -> Installation:
    """Without events."""
    queue = ("queue_item", "attempt", "failed_act", "event_count", "audit")
    for table in (*queue, "request", "session", "document"):
        execute(accounts, f"DELETE FROM owa_{table}")
    return accounts


def listed(page: str) -> list[int]:
    return [int(guid) for guid in re.findall(r'name="guid" value="(\d+)"', page)]


def test_nothing_has_failed(installation: Installation, boss: Visitor) -> None:
    assert "No event has failed." in boss.page("/admin/failed")


def test_latest_first_with_error_and_attempts(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.first"))
    fail(installation, event(2, "x.second"))
    page = boss.page("/admin/failed")
    assert listed(page) == [event(2).guid, event(1).guid]
    assert page.index("No module handles events of type x.second") < page.index("of type x.first")


def test_filters_are_in_the_address(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"), event(2, "x.b"), event(3, "x.a", OTHER_SITE))
    for query, numbers in (
        ({"type": "x.a"}, [3, 1]),
        ({"site": SITE_ID}, [2, 1]),
        ({"type": "x.a", "site": OTHER_SITE}, [3]),
    ):
        page = boss.page(f"/admin/failed?{urlencode(query)}")
        assert listed(page) == [event(number).guid for number in numbers]
        assert page.count(" selected ") == len(query) + 1, "the state is one too"
    assert "No failed event is like that." in boss.page("/admin/failed?type=y")
    assert "1 event is discarded." in boss.told("/admin/failed?type=x.b", act="discard", guid=event(2).guid)
    where = boss.post("/admin/failed?type=x.b", act="discard", guid=event(1).guid).headers["Location"]
    assert where.endswith("/admin/failed?type=x.b")


def test_pages_of_fifty(installation: Installation, boss: Visitor) -> None:
    fail(installation, *(event(number, "x.a") for number in range(60)), event(60, "x.b"))
    first = boss.page("/admin/failed?type=x.a")
    older = re.search(r'href="([^"]+)">Older', first)
    assert older
    second = boss.page(unescape(older[1]))
    assert "Older" not in second
    assert listed(first) + listed(second) == [event(number).guid for number in reversed(range(60))]


def test_everything_is_shown_of_one(installation: Installation, boss: Visitor) -> None:
    with damaged(installation):
        fail(installation, event(1, long="wide " * 1_000))
        path = f"/admin/failed/{event(1).guid}"
        page = boss.page(path)
        assert "refused: &lt;b&gt;poison&lt;/b&gt;" in page
        assert "Traceback (most recent call last)" in page
        assert "no row was written for it" in page
        assert "wide " * 100 not in page
        (payload,) = re.findall(r"<code>(\{.*?\n\})</code>", boss.page(f"{path}?all=1"), re.DOTALL)
        assert json.loads(unescape(payload))["properties"]["long"] == "wide " * 1_000


@pytest.mark.parametrize("guid", ["1", "9" * 19])
def test_one_that_is_not_failed(boss: Visitor, guid: str) -> None:
    assert f"Event {guid} is not failed" in boss.page(f"/admin/failed/{guid}", 404)


@pytest.mark.parametrize("query", ["before=x", "before=1-9999999999999999999"])
def test_odd_addresses_are_harmless(boss: Visitor, query: str) -> None:
    boss.page(f"/admin/failed?{query}")


@pytest.mark.parametrize("query", ["before=%00", "type=%00&site=%00"])
def test_addresses_with_a_nul_are_refused(boss: Visitor, query: str) -> None:
    boss.page(f"/admin/failed?{query}", 400)


def test_retried_when_its_cause_is_mended(installation: Installation, boss: Visitor) -> None:
    with damaged(installation):
        fail(installation, event(1), event(2), event(3))
        told = boss.told("/admin/failed", act="retry", guid=event(1).guid)
        assert told.startswith("1 event is due now: the next drain takes them.")
        assert installation.cli("cmd=processEventQueue", OWA_QUEUE_MAX_RETRY_COUNT="1").status == 1
        assert broken(installation) == 3
    assert "2 events are due now" in boss.told("/admin/failed", act="retry", guid=[event(1).guid, event(2).guid])
    installation.drain(OWA_QUEUE_MAX_RETRY_COUNT="1")
    assert {row["id"] for row in installation.rows("owa_request")} == {event(1).guid, event(2).guid}
    assert listed(boss.page("/admin/failed")) == [event(3).guid]
    trail = boss.page("/admin/audit")
    assert trail.count(f"retry event: {event(1).guid}") == 2


def test_discarded(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"), event(2, "x.a"))
    assert boss.told("/admin/failed", act="discard", guid=event(1).guid) == "1 event is discarded."
    told = boss.told("/admin/failed", act="discard", guid=[event(1).guid, event(2).guid, "nonsense"])
    assert told == "1 event is discarded. 1 event is not failed any more, and left alone."
    assert "Select events first" in boss.told("/admin/failed", act="discard")
    assert installation.counts()["discarded", "everything"] == 2
    trail = boss.page("/admin/audit")
    assert f"discard event: {event(1).guid}" in trail
    assert "event type: x.a" in trail
    assert "discarded" in boss.page("/admin/queues")


def test_row_that_cannot_be_read(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"))
    execute(installation, "UPDATE owa_queue_item SET event = ?", b"\xff<b>bytes</b>")
    assert listed(boss.page("/admin/failed")) == [event(1).guid]
    page = boss.page(f"/admin/failed/{event(1).guid}")
    assert "&lt;b&gt;bytes&lt;/b&gt;" in page
    assert "cannot be read as an event" in page
    assert boss.told("/admin/failed", act="discard", guid=event(1).guid) == "1 event is discarded."


def test_stored_text_is_escaped(installation: Installation, boss: Visitor) -> None:
    hostile = event(1, f"type {XSS}", f"site {XSS}", page_title=f"title {XSS}", page_url=f"url {XSS}")
    fail(installation, hostile)
    execute(installation, "UPDATE owa_queue_item SET last_error_trace = ?", f"trace {XSS}")
    query = urlencode({"type": f"type {XSS}", "site": f"site {XSS}"})
    pages = {
        f"/admin/failed?{query}": ("type", "site"),
        f"/admin/failed?{urlencode({'type': f'other {XSS}'})}": ("other",),
        f"/admin/failed/{hostile.guid}?all=1": ("type", "site", "title", "url", "trace"),
        "/admin/queues": ("type", "site"),
    }
    for path, texts in pages.items():
        page = boss.page(path)
        assert XSS not in page
        for text in texts:
            assert f"{text} &lt;script&gt;alert(" in page, (path, text)
    assert "1 event is discarded." in boss.told("/admin/failed", act="discard", guid=hostile.guid)
    trail = boss.page("/admin/audit")
    assert XSS not in trail
    assert "type &lt;script&gt;alert(" in trail


def test_deliveries_by_handler(installation: Installation, boss: Visitor) -> None:
    fail(installation, *(event(number, "x.a") for number in (1, 2, 3)))
    as_of = "UPDATE owa_queue_item SET handler = ?, remaining = 'delivery', handler_duration = 70000 WHERE id = ?"
    mail = f"shop:mail {XSS}"
    execute(installation, as_of, mail, event(1).guid)
    execute(installation, as_of, "shop:rows", event(2).guid)
    page = boss.page("/admin/failed")
    assert "shop:mail &lt;script&gt;alert(" in page
    assert XSS not in page
    for handler, name in (("core", f"{event(3).guid}"), ("shop:rows", f"{event(2).guid}:shop:rows")):
        page = boss.page(f"/admin/failed?{urlencode({'handler': handler})}")
        assert re.findall(r'name="guid" value="([^"]+)"', page) == [name]
        assert f' selected value="{handler}"' in page
    assert boss.get(f"/admin/failed/{event(2).guid}").status == 404
    link = re.search(r'href="(/admin/failed/[^"]+shop%3Arows)"', page)
    assert link, page
    page = boss.page(unescape(link[1]))
    assert "Its delivery to <code>shop:rows</code>" in page
    assert "0.07 s" in page
    assert XSS not in boss.page(f"/admin/failed/{event(1).guid}?{urlencode({'handler': mail, 'all': '1'})}")
    assert "To shop:" not in boss.page("/admin/queues"), "what failed is not on its way"
    assert boss.told("/admin/failed", act="discard", guid=str(event(2).guid)).startswith("1 event is not failed")
    chosen = [f"{event(1).guid}:{mail}", f"{event(2).guid}:shop:rows"]
    assert "2 events are due now" in boss.told("/admin/failed", act="retry", guid=chosen)
    assert "<dt>To shop:rows</dt><dd>1</dd>" in boss.page("/admin/queues")
    status = installation.cli("cmd=queue-status", "format=json").json["queues"]["processing"]
    assert (status["to shop:rows"], status["failed"], status["retrying"]) == (1, 1, 0)
    trail = boss.page("/admin/audit")
    assert "handler: shop:rows" in trail


def test_who_may_not_act_sees_nothing_and_changes_nothing(installation: Installation, server: Server) -> None:
    fail(installation, event(1, "x.a"))
    viewer = Visitor(server).log_in("eye")
    for path in ("/admin/failed", f"/admin/failed/{event(1).guid}"):
        assert viewer.get(path).status == 403
    for act in ("retry", "discard"):
        assert viewer.post("/admin/failed", act=act, guid=event(1).guid).status == 403
    assert server.request("GET", "/admin/failed").status == 303
    assert server.request("POST", "/admin/failed", b"act=discard").status in (400, 403)
    assert broken(installation) == 1


def test_form_without_its_token_is_refused(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"))
    assert boss.post("/admin/failed", act="discard", guid=event(1).guid, csrf_token="forged").status == 400
    assert broken(installation) == 1


def test_search_by_id_and_words(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"), event(2, "x.b"))
    one = event(1)
    matching: tuple[dict[str, object], ...] = (
        {"by": "guid", "id": one.guid},
        {"by": "session", "id": one.session_id},
        {"by": "visitor", "id": one.visitor_id},
        {"error": "TYPE x.a"},
        {"error": "x.a", "server": 0, "from": "2020-01-01T00:00", "to": "2120-01-01T00:00"},
    )
    for query in matching:
        assert listed(boss.page(f"/admin/failed?{urlencode(query)}")) == [one.guid], query
    others: tuple[dict[str, object], ...] = ({"to": "2020-01-01T00:00"}, {"server": 9}, {"by": "guid", "id": 5})
    for query in others:
        assert "No failed event is like that." in boss.page(f"/admin/failed?{urlencode(query)}")


@pytest.mark.parametrize("query", [{"server": "x"}, {"id": "x"}, {"from": "soon"}, {"to": "9" * 30}, {"state": "odd"}])
def test_a_value_that_is_none_does_nothing_to_all(
    installation: Installation, boss: Visitor, query: dict[str, str]
) -> None:
    fail(installation, event(1, "x.a"))
    page = boss.page(f"/admin/failed?{urlencode(query)}")
    assert 'class="notice"' in page
    assert "that match</button>" not in page
    assert listed(page) == []
    assert "Nothing is listed: the filter says what cannot be." in page
    assert 'name="error"' in page, "the filter can be mended"
    assert boss.post(f"/admin/failed?{urlencode(query)}", act="discard_all").status == 400
    assert broken(installation) == 1


def test_groups_lead_to_their_events(installation: Installation, boss: Visitor) -> None:
    assert "No event has failed." in boss.page("/admin/failed/by-error")
    fail(installation, event(1, "x.a"), event(2, "x.a", OTHER_SITE), event(3, "y.b"))
    page = boss.page("/admin/failed/by-error")
    links = re.findall(r'href="(/admin/failed\?group=[0-9a-f]{16})"', page)
    assert sorted(len(listed(boss.page(link))) for link in links) == [1, 2]
    assert OTHER_SITE in page


def test_all_that_match_are_retried_discarded_and_back(installation: Installation, boss: Visitor) -> None:
    execute(installation, "DELETE FROM owa_failed_act")
    fail(installation, *(event(number, "x.a") for number in range(60)), event(60, "x.b"))
    page = boss.page("/admin/failed?type=x.a")
    assert "60 events have failed and match." in page
    assert "Discard all 60 that match" in page
    assert boss.told("/admin/failed?type=x.a", act="discard_all") == "60 events are discarded."
    assert broken(installation) == 1
    assert installation.counts()["discarded", "everything"] == 60
    page = boss.page("/admin/failed?state=discarded")
    assert "60 events are discarded" in page
    assert "Discard all that match: type x.a" in page
    assert "60 of 60 done" in page
    assert boss.post("/admin/failed?state=discarded", act="retry_all").status == 400
    told = boss.told("/admin/failed?state=discarded", act="restore", guid=event(1).guid)
    assert told == "1 event is a failed one again."
    assert broken(installation) == 2
    assert boss.told("/admin/failed?state=discarded", act="restore_all").startswith("59 events are failed")
    assert installation.counts()["discarded", "everything"] == 0
    assert boss.told("/admin/failed?type=x.a", act="retry_all").startswith("60 events are due now")
    assert boss.told("/admin/failed?type=x.a", act="retry_all") == "Nothing matched any more."
    trail = boss.page("/admin/audit")
    assert trail.count("all that match") == 4, "one entry for each act"
    assert "filter: type x.a" in trail
    assert "events: 60" in trail


def test_what_has_ended_is_told_in_words_and_dismissed(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"))
    boss.told("/admin/failed", act="retry_all")
    page = boss.page("/admin/failed")
    assert "<strong>Retry all failed events</strong>" in page
    (number,) = re.findall(r'name="number" value="(\d+)"', page)
    running = "UPDATE owa_failed_act SET result = 'running'"
    boss.post("/admin/failed", act="dismiss", number=str(int(number) + 1))
    assert "Retry all failed events" in boss.page("/admin/failed")
    boss.post("/admin/failed?state=retrying", act="dismiss", number=number)
    assert "Retry all failed events" not in boss.page("/admin/failed")
    assert boss.post("/admin/failed", act="dismiss", number="x").status == 400
    boss.told("/admin/failed?to=2031-11-22T08:00", act="discard_all")
    execute(installation, running)
    page = boss.page("/admin/failed")
    assert "Discard all failed events" in page
    assert 'value="dismiss"' not in page, "it is under way"
    boss.post("/admin/failed", act="dismiss", number=str(int(number) + 1))
    assert "Discard all failed events" in boss.page("/admin/failed")
    execute(installation, "DELETE FROM owa_failed_act")


def test_what_is_done_is_told_for_some_minutes(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"))
    boss.told("/admin/failed?type=x.a", act="retry_all")
    assert "Retry all that match: type x.a<" in boss.page("/admin/failed")
    execute(installation, "UPDATE owa_failed_act SET updated_at = updated_at - 301000000")
    assert "Retry all that match" not in boss.page("/admin/failed")


def test_an_act_whose_process_died_says_where_it_stopped(installation: Installation, boss: Visitor) -> None:
    fail(installation, event(1, "x.a"))
    boss.told("/admin/failed", act="retry_all")
    gone = "UPDATE owa_failed_act SET result = 'running', total = 9, process = process || '999999'"
    execute(installation, gone)
    page = boss.page("/admin/failed")
    assert "1 of 9 done" in page
    assert "What is done stays done." in page
    execute(installation, "DELETE FROM owa_failed_act")


def test_what_is_retried_is_seen_with_its_error_and_attempts(installation: Installation, boss: Visitor) -> None:
    with damaged(installation):
        put(installation, event(1))
        installation.cli("cmd=processEventQueue")
        page = boss.page("/admin/failed?state=retrying")
        assert "refused: &lt;b&gt;poison&lt;/b&gt;" in page
        assert listed(page) == [event(1).guid]
        page = boss.page(f"/admin/failed/{event(1).guid}")
        assert "Next attempt" in page
        assert "Traceback (most recent call last)" in page
        installation.cli("cmd=processEventQueue", "retry=now")
        page = boss.page(f"/admin/failed/{event(1).guid}")
        assert re.findall(r"<summary>(\d+)\.", page) == ["2", "1"]
    assert "state=retrying" in boss.page("/admin/queues")


def test_what_is_retried_is_filtered_and_retried_now(installation: Installation, boss: Visitor) -> None:
    with damaged(installation):
        put(installation, event(1), event(2, site_id=OTHER_SITE))
        installation.cli("cmd=processEventQueue")
    page = boss.page("/admin/failed?state=retrying")
    assert f'<option value="{OTHER_SITE}">' in page
    assert 'name="error"' in page, "though nothing was given up"
    path = f"/admin/failed?{urlencode({'state': 'retrying', 'site': OTHER_SITE})}"
    assert listed(boss.page(path)) == [event(2).guid]
    told = boss.told(path, act="retry_now", guid=[event(2).guid, 5])
    assert told.startswith("1 event is due now: the next drain takes them.")
    assert told.endswith("1 event is being processed, or not retried any more, and left alone.")
    assert f"retry event now: {event(2).guid}" in boss.page("/admin/audit")
    installation.drain()
    assert [row["id"] for row in installation.rows("owa_request")] == [event(2).guid]
    assert boss.told("/admin/failed?state=retrying", act="retry_now_all") == "1 event is due now."
    assert "retry now events: all that match" in boss.page("/admin/audit")
    installation.drain()
    assert len(installation.rows("owa_request")) == 2


def test_what_is_retried_is_discarded_and_back(installation: Installation, boss: Visitor) -> None:
    with damaged(installation):
        put(installation, *(event(number) for number in range(3)))
        installation.cli("cmd=processEventQueue")
    page = boss.page(f"/admin/failed/{event(1).guid}")
    assert ">Retry now</button>" in page
    (action,) = re.findall(r'action="(/admin/failed[^"]*)"', page)
    assert boss.told(unescape(action), act="give_up", guid=event(1).guid) == "1 event is discarded."
    assert f"discard event: {event(1).guid}" in boss.page("/admin/audit")
    assert boss.post("/admin/failed", act="give_up_all").status == 400, "they are not what the page lists"
    assert boss.told("/admin/failed?state=retrying", act="give_up_all") == "2 events are discarded."
    assert installation.counts()["discarded", "everything"] == 3
    assert boss.told("/admin/failed?state=discarded", act="restore_all").startswith("3 events are failed ones")
    assert installation.counts()["discarded", "everything"] == 0
    assert broken(installation) == 3


def test_personal_fields_are_masked_until_they_are_revealed(installation: Installation, boss: Visitor) -> None:
    secret = {"ip_address": "192.0.2.17", "user_email": "ann@shop.example", "page_url": f"{DOMAIN}/?mail=ann"}
    fail(installation, event(1, "x.a", **secret))
    path = f"/admin/failed/{event(1).guid}"
    page = boss.page(path)
    for text in ("192.0.2.17", "ann@shop.example", "mail=ann"):
        assert text not in page
    shown = boss.post(path, act="reveal").body.decode()
    for text in ("192.0.2.17", "ann@shop.example", "mail=ann"):
        assert text in shown
    assert "192.0.2.17" not in boss.page(path), "that was once"
    assert f"reveal personal fields of event: {event(1).guid}" in boss.page("/admin/audit")
    assert boss.post(path, act="other").status == 400


def test_an_event_is_tried(installation: Installation, boss: Visitor) -> None:
    path = f"/admin/failed/{event(1).guid}"
    with damaged(installation):
        fail(installation, event(1, user_name="Ann"))
        assert "It would fail again." in boss.post(path, act="try").body.decode()
    page = boss.post(path, act="try").body.decode()
    assert "It would be processed." in page
    assert "New row of <code>owa_request</code>" in page
    assert "Ann" not in page
    assert installation.rows("owa_request") == []
    assert broken(installation) == 1


def test_a_span_that_ends_before_it_begins_is_told(boss: Visitor) -> None:
    page = boss.page("/admin/failed?from=2026-11-22T08:00&to=2026-11-21T08:00")
    assert "From is not before To: nothing can match." in page
    assert "that match" not in page
    assert "From is not before To" not in boss.page("/admin/failed?from=2026-11-21T08:00&to=2026-11-22T08:00")
