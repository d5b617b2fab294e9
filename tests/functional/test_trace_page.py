"""Waiting events, and the way of an event from its receipt to its rows."""

import re
from dataclasses import replace
from html import unescape

import pytest

from owa.app import open_installation
from owa.clock import SystemClock
from owa.diagnosis.words import moment
from owa.events import Event
from owa.queues.contract import Delivery
from tests.admin import Visitor
from tests.failures import damaged, event, execute, fail, put
from tests.servers import SITE_ID, Installation, Server, wait_until

TRACE, WAITING = "/admin/trace", "/admin/waiting"


@pytest.fixture
def installation(queueing: Installation) -> Installation:
    return queueing


def steps(admin: Visitor, guid: int) -> dict[str, str]:
    """The outcome of each step."""
    page = admin.page(f"{TRACE}?guid={guid}")
    found = re.findall(r"<strong>([^<]+)</strong></td>.*?<span class=\"state \w+\">([^<]+)</span>", page, re.DOTALL)
    return {unescape(title): outcome for title, outcome in found}


def late(number: int, session: int) -> Event:
    """A page view that is not the first of its session."""
    return replace(event(number, page_title="Late"), session_id=session, properties={"page_url": "http://x.example/"})


def test_an_event_is_followed_through_the_queue_to_its_rows(installation: Installation, admin: Visitor) -> None:
    put(installation, event(1))
    assert steps(admin, event(1).guid) == {"Received": "taken", "Incoming queue": "queued", "Tables": "not yet"}
    installation.drain()
    guid = event(1).guid
    assert steps(admin, guid) == {"Received": "taken", "Incoming queue": "left", "Tables": "stored", "Session": "open"}
    page = admin.text(f"{TRACE}?guid={guid}")
    assert f"owa_request {guid}" in page
    assert "Begun by this event, 1 page view so far." in page
    assert "owa_document" in page


def test_a_failed_event_leads_to_its_page_and_its_audit_entries(installation: Installation, admin: Visitor) -> None:
    with damaged(installation):
        fail(installation, event(1))
    guid = event(1).guid
    assert steps(admin, guid)["Processing queue"] == "failed"
    page = admin.page(f"{TRACE}?guid={guid}")
    assert f"/admin/failed/{guid}" in page
    assert "refused:" not in page  # an error may quote what the event holds
    admin.page("/admin/failed")
    admin.post("/admin/failed", act="retry", guid=str(guid))
    assert "admin, retry event" in admin.text(f"{TRACE}?guid={guid}")
    installation.drain()
    followed = steps(admin, guid)
    assert (followed["Attempt 1"], followed["Processing queue"]) == ("failed", "done"), "what failed is still told"
    assert list(followed)[1:] == ["Incoming queue", "Attempt 1", "Processing queue", "Tables", "Session"]


def times(admin: Visitor, guid: int) -> dict[str, tuple[str, str]]:
    """When and where each step was, as the page says it."""
    page = admin.page(f"{TRACE}?guid={guid}")
    cell = r"</strong></td>\s*<td[^>]*>([^<]*)</td>\s*<td[^>]*>([^<]*)</td>"
    return {title: (at, where) for title, at, where in re.findall(f"<strong>([^<]+){cell}", page)}


def test_each_step_has_its_time_and_place_or_says_that_nobody_kept_it(
    installation: Installation, admin: Visitor
) -> None:
    put(installation, event(1))
    assert times(admin, event(1).guid)["Incoming queue"][0] == moment(event(1).received_at)
    assert times(admin, event(1).guid)["Tables"] == ("–", "–")
    installation.drain()
    followed = times(admin, event(1).guid)
    assert followed["Incoming queue"] == ("not known", "server 0")
    assert followed["Tables"] == ("not known", "the database")
    with damaged(installation):
        put(installation, event(2))
        installation.cli("cmd=processEventQueue")
    installation.cli("cmd=processEventQueue", "retry=now")
    followed = times(admin, event(2).guid)
    (row,) = installation.query("SELECT * FROM owa_queue_item")
    assert followed["Incoming queue"] == (moment(row["insertion_timestamp"]), "server 0")
    assert followed["Tables"] == (moment(row["handled_timestamp"]), "the database")
    assert followed["Attempt 1"][0] == moment(row["insertion_timestamp"])


def test_what_is_unknown_is_said_so(admin: Visitor) -> None:
    page = admin.text(f"{TRACE}?guid=1795291324042070013")
    assert "Nothing is known of this event here." in page
    assert "server 42" in page
    assert "2026-11-21 20:02:04" in page
    assert "Nothing is stored of a session" in admin.text(f"{TRACE}?of=session&id=77")
    assert "Nothing is stored of a visitor" in admin.text(f"{TRACE}?of=visitor&id=77")


@pytest.mark.parametrize("kind", ["session", "visitor"])
def test_an_id_of_something_else_leads_there(installation: Installation, admin: Visitor, kind: str) -> None:
    put(installation, replace(event(1), session_id=77, visitor_id=78))
    installation.drain()
    number = {"session": 77, "visitor": 78}[kind]
    page = admin.page(f"{TRACE}?guid={number}")
    assert f"This is the number of a {kind}" in page
    assert "Nothing is known of this event" not in page
    assert "1970-01-01" not in page, "no guid, so no date either"
    (link,) = re.findall(rf'href="({TRACE}\?of={kind}[^"]+)"', page)
    assert str(event(1).guid) in admin.page(unescape(link))


def test_no_date_of_receipt_is_made_up(admin: Visitor) -> None:
    assert times(admin, 1795291324042070013)["Received"] == ("–", "–")


@pytest.mark.parametrize("query", ["id=abc", "id=99999999999999999999", "of=nothing&id=-1", "id=%3Cscript%3E"])
def test_what_is_no_number_is_refused_kindly(admin: Visitor, query: str) -> None:
    page = admin.page(f"{TRACE}?{query}")
    assert "1 to 19 digits" in page
    assert "<script>" not in page


def test_no_personal_value_is_shown(installation: Installation, admin: Visitor) -> None:
    secret = {
        name: f"secret-{name}" for name in ("user_name", "user_email", "ip_address", "session_referer", "cv1_value")
    }
    put(installation, event(1, page_url="http://shop.example/p?mail=secret-url", HTTP_HOST="secret-host", **secret))
    guid = event(1).guid
    assert "secret" not in admin.page(f"{TRACE}?guid={guid}")
    installation.drain()
    for query in (f"guid={guid}", f"of=session&id={guid}", f"of=visitor&id={guid}"):
        page = admin.page(f"{TRACE}?{query}")
        assert str(guid) in page
        assert "secret" not in page


def test_events_of_a_session_and_of_a_visitor_are_listed_in_their_order(
    installation: Installation, admin: Visitor
) -> None:
    session = event(1).session_id
    put(installation, late(3, session), late(2, session), event(1))
    installation.drain()
    for query in (f"of=session&id={session}", f"of=visitor&id={event(1).visitor_id}"):
        page = admin.page(f"{TRACE}?{query}")
        places = [page.index(f"guid={event(number).guid}") for number in (1, 2, 3)]
        assert places == sorted(places)


def test_what_waits_is_listed_searched_and_tried(installation: Installation, admin: Visitor) -> None:
    session, visitor = 77, event(3).visitor_id
    put(installation, late(2, session), late(3, session))
    installation.drain()
    page = admin.text(WAITING)
    assert f"of=session&id={session}" in page
    assert "2 events wait. " in page
    assert "server 0, " in page
    for wanted in (session, visitor):
        assert f"of=session&id={session}" in admin.text(f"{WAITING}?id={wanted}")
    assert "Nothing waits for a session or a visitor" in admin.text(f"{WAITING}?id=78")
    assert "1 to 19 digits" in admin.text(f"{WAITING}?id=x")
    key = f"session:{SITE_ID}:{session}"
    assert "has still not come" in admin.told(WAITING, act="try", key=key)
    assert steps(admin, event(2).guid)["Session"] == "not open"
    put(installation, replace(event(4), session_id=session))
    installation.drain()
    assert "No event waits." in admin.text(WAITING)


@pytest.mark.parametrize("act", ["try", "try-all"])
def test_what_has_come_unnoticed_is_finished_by_hand(installation: Installation, admin: Visitor, act: str) -> None:
    session = event(1).session_id
    key = f"session:{SITE_ID}:{session}"
    put(installation, late(2, session))
    installation.drain()
    installation.cli("cmd=pause", "queue=processing")
    put(installation, event(1))
    installation.drain()  # which has woken the other one: let that be forgotten
    execute(installation, "UPDATE owa_queue_item SET waits_for = ?, not_before_timestamp = NULL", key)
    admin.page(WAITING)
    assert "The queue processing is paused: nothing of it is processed" in admin.told(WAITING, act=act, key=key)
    execute(installation, "UPDATE owa_queue_item SET waits_for = ?, not_before_timestamp = NULL", key)
    installation.cli("cmd=resume", "queue=processing")
    said = {"try": "1 event is due now: the session is open.", "try-all": "All were looked through: 1 woken."}
    assert admin.told(WAITING, act=act, key=key).startswith(said[act])
    wait_until(lambda: steps(admin, event(2).guid)["Processing queue"] == "done", "it is not finished")
    assert "No event waits." in admin.page(WAITING)
    assert "2 page views so far." in admin.page(f"{TRACE}?guid={event(2).guid}")


@pytest.mark.parametrize("key", ["", "session:x", "session:x:y", "x:y:1"])
def test_what_is_no_session_is_not_tried(admin: Visitor, key: str) -> None:
    admin.page(WAITING)
    assert admin.post(WAITING, act="try", key=key).status == 400


def test_a_test_event_is_sent_and_followed(installation: Installation, server: Server, admin: Visitor) -> None:
    admin.page(TRACE)
    answer = admin.post(TRACE, act="send", site=SITE_ID)
    page = admin.follow(answer).body.decode()
    assert "The test event is queued. It counts in the statistics" in unescape(page)
    assert "reload.js" in page
    guid = int(re.findall(r"guid=(\d+)", answer.headers["Location"])[0])
    installation.drain()
    page = admin.page(f"{TRACE}?guid={guid}&test=1")
    assert "reload.js" not in page
    assert steps(admin, guid)["Session"] == "open"
    (stored,) = installation.rows("owa_request")
    assert stored["id"] == guid
    assert installation.title_of({"owa_session_id": str(stored["session_id"])}) == "OWA test event"
    (visitor,) = installation.rows("owa_visitor")
    assert visitor["user_name"] == "OWA test event"
    assert installation.cli("cmd=verify-ledger").status == 0
    assert admin.post(TRACE, act="send", site="nowhere").status == 400
    assert server.complaints == []


def test_a_test_event_that_is_refused_says_why(installation: Installation, server: Server) -> None:
    robot = Visitor(server, User_Agent="Googlebot/2.1 (+http://www.google.com/bot.html)").log_in()
    robot.page(TRACE)
    told = robot.told(TRACE, act="send", site=SITE_ID)
    assert told.startswith("The test event was refused, and counted as that: robot.")
    installation.drain()
    wait_until(lambda: installation.counts() == {("refused", "robot"): 1}, "it is not counted")


def test_a_paused_queue_is_told_instead_of_its_next_drain(installation: Installation, admin: Visitor) -> None:
    guid = event(1).guid
    put(installation, event(1))
    assert "The next drain takes it." in admin.text(f"{TRACE}?guid={guid}")
    installation.cli("cmd=pause", "queue=incoming_tracking_events")
    page = admin.text(f"{TRACE}?guid={guid}")
    assert "The next drain" not in page
    assert re.search(r"The queue incoming_tracking_events is paused since [0-9: -]+ UTC by command line\.", page)


def test_the_trace_of_a_test_event_waits_for_its_deliveries(installation: Installation, admin: Visitor) -> None:
    admin.page(TRACE)
    answer = admin.post(TRACE, act="send", site=SITE_ID)
    path = f"{TRACE}?guid={re.findall(r'guid=([0-9]+)', answer.headers['Location'])[0]}&test=1"
    installation.drain()
    assert "reload.js" not in admin.page(path)
    opened = open_installation({"OWA_DATA_DIR": str(installation.data_dir)}, {}, SystemClock())
    (stored,) = installation.rows("owa_request")
    sent = replace(event(1), guid=stored["id"], received_at=opened.clock.now())
    with opened.database.writing() as connection:
        opened.retries.enqueue(connection, [Delivery(sent, "shop:carts")], opened.clock.now())
    page = admin.text(path)
    assert "reload.js" in page
    assert "It is stored, and waits for its delivery to shop:carts." in page
    with opened.database.writing() as connection:
        opened.retries.done(connection, [sent], opened.clock.now(), handler="shop:carts")
    opened.close()
    assert "reload.js" not in admin.page(path)
    assert steps(admin, stored["id"])["Delivery to shop:carts"] == "done"


def test_since_when_something_waits_is_not_moved_by_pauses(installation: Installation, admin: Visitor) -> None:
    put(installation, late(2, 77))
    installation.drain()
    (row,) = installation.query("SELECT insertion_timestamp FROM owa_queue_item")
    execute(installation, "UPDATE owa_queue_item SET waiting_since = waiting_since + 3600000000")
    assert f'data-label="Since">{moment(row["insertion_timestamp"])}<' in admin.page(WAITING)
