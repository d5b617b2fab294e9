"""The dashboard: figures, alarms with remedies, and a drain on demand."""

import fcntl
import re
from dataclasses import replace
from html import unescape

import pytest

from owa.clock import MICROSECONDS, SystemClock
from owa.db.configuration import site_id_of
from owa.version import VERSION
from tests.admin import Visitor, add_user
from tests.failures import damaged, event, execute, fail, put
from tests.functional.test_database_away import away
from tests.servers import SITE_ID, Install, Installation, Server, page_view, wait_until

IN_BACKGROUND = "The drain goes on in the background: reload this page."


@pytest.fixture
def installation(install: Install) -> Installation:
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")


def figures(page: str, queue: str) -> dict[str, str]:
    """The figures of a queue, by what they are called."""
    section = page.split(f'aria-labelledby="{queue}"')[1].split("</section>")[0]
    return {name: re.sub("<.*?>", "", text) for name, text in re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", section)}


def alarms(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'role="alert"><strong>(.*?)</strong>', page)]


def wait_for_end(admin: Visitor) -> None:
    """Of the drain in the background: a busy machine may need longer for it than the request waits."""
    wait_until(lambda: "A drain is under way." not in admin.page("/admin/queues"), "the drain does not end")


def put_long_ago(installation: Installation, seconds: int) -> None:
    received_at = SystemClock().now() - seconds * MICROSECONDS
    put(installation, replace(event(1), received_at=received_at))


def test_a_login_leads_to_it(server: Server, installation: Installation) -> None:
    client = Visitor(server).log_in()
    answer = client.get("/admin")
    assert (answer.status, answer.headers["Location"].endswith("/admin/queues")) == (303, True)
    assert "No event has been processed so far." in client.page("/admin/queues")


def test_each_queue_has_its_figures_and_last_drain(installation: Installation, server: Server, admin: Visitor) -> None:
    with damaged(installation):
        fail(installation, event(1))
        put(installation, event(2), event(3, page_title="good"))
        assert installation.cli("cmd=processEventQueue").status == 0
    server.track(page_view(is_new_session="0"))
    installation.drain()
    server.track()
    page = admin.page("/admin/queues")
    incoming, processing = figures(page, "incoming_tracking_events"), figures(page, "processing")
    assert (incoming["Depth"], incoming["Quarantined"]) == ("1", "0")
    assert incoming["Oldest"].endswith(" s")
    assert {name: processing[name] for name in ("Depth", "Waiting", "Retrying", "Failed")} == {
        "Depth": "2",
        "Waiting": "1",
        "Retrying": "1",
        "Failed": "1",
    }
    assert page.count("by a command (") >= 2
    assert "1 waiting" in page
    assert [alarm.partition(". The oldest")[0] for alarm in alarms(page)] == [
        "1 event given up",
        "1 event tried again and again",
    ]
    assert "Retry or discard them under Failed events" in page


def told_of_failures(page: str) -> list[str]:
    """Detail and next step of the failures among what became of events."""
    rows = page.split('id="counts"')[1].split("<tr>")
    cells = [re.findall(r'<td class="page">(.*?)</td>', row) for row in rows if 'class="state failed"' in row]
    return [unescape(text) for text in cells[0]]


def test_what_failed_and_is_no_more_needs_nothing(installation: Installation, admin: Visitor) -> None:
    with damaged(installation):
        fail(installation, event(1))
        for path in ("/admin/queues", "/admin/failed", "/admin/failed/by-error"):
            page = admin.page(path)
            assert "refused: &lt;b&gt;poison" in page
            assert "INSERT INTO" not in page, "the statement is on the event's page"
        detail, next_step = told_of_failures(admin.page("/admin/queues"))
        assert detail.endswith(" …")
        assert next_step == "Retry or discard them under Failed events."
        assert "INSERT INTO" in admin.page(f"/admin/failed/{event(1).guid}")
    admin.told("/admin/failed", act="retry", guid=event(1).guid)
    installation.drain()
    _detail, next_step = told_of_failures(admin.page("/admin/queues"))
    assert next_step == "None of them is left: they were retried or discarded since."


def test_drain_now(installation: Installation, server: Server, admin: Visitor) -> None:
    events = [page_view() for _ in range(3)]
    for sent in events:
        server.track(sent)
    told = admin.told("/admin/queues")
    assert told in ("incoming_tracking_events: 3 processed. processing: nothing to do.", IN_BACKGROUND)
    wait_for_end(admin)
    assert all(installation.request_of(sent) for sent in events)
    runs = installation.query("SELECT job, caller, owner FROM owa_job_run ORDER BY id")
    assert [(run["job"], run["caller"]) for run in runs] == [("drain", "dashboard"), ("retry", "dashboard")]
    assert runs[0]["owner"].endswith(f":{server.process.pid}")
    page = admin.page("/admin/queues")
    assert "by this page (" in page
    assert "drain queues: incoming_tracking_events, processing" in admin.page("/admin/audit")


def test_drain_now_while_another_drain_holds_the_queue(
    installation: Installation, server: Server, admin: Visitor
) -> None:
    server.track(sent := page_view())
    with (installation.data_dir / "logs" / "drain.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = "incoming_tracking_events: another drain holds it, and does the work."
        wait_until(lambda: admin.told("/admin/queues").startswith(held), "it does not say so")
    assert not installation.request_of(sent)
    admin.told("/admin/queues")
    wait_for_end(admin)
    assert installation.request_of(sent)


def test_drain_now_goes_on_in_the_background_once(installation: Installation, server: Server, admin: Visitor) -> None:
    server.track(sent := page_view())
    with (installation.data_dir / "logs" / "events.txt").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # as a writer that takes its time: the drain waits for it
        assert admin.told("/admin/queues") == IN_BACKGROUND
        assert "still under way" in admin.told("/admin/queues")
        assert "A drain is under way." in admin.page("/admin/queues")
    wait_for_end(admin)
    assert installation.request_of(sent)
    assert len(installation.query("SELECT id FROM owa_job_run WHERE job = 'drain'")) == 1


def test_a_young_event_is_no_alarm(installation: Installation, admin: Visitor) -> None:
    put_long_ago(installation, 200)
    assert alarms(admin.page("/admin/queues")) == []


def test_nobody_has_drained_for_long(installation: Installation, admin: Visitor) -> None:
    put_long_ago(installation, 310)
    page = admin.page("/admin/queues")
    (alarm,) = alarms(page)
    assert alarm.startswith("incoming_tracking_events: nobody has drained so far, although events wait.")
    assert "python cli.py cmd=processEventQueue" in page
    lock = installation.data_dir / "logs" / "drain.lock"
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert alarms(admin.page("/admin/queues")) == []  # a long drain is under way
    admin.told("/admin/queues")
    wait_for_end(admin)
    assert alarms(admin.page("/admin/queues")) == []


def test_events_cannot_be_kept(installation: Installation, admin: Visitor) -> None:
    logs = installation.data_dir / "logs"
    moved = logs.rename(logs.with_name("moved"))
    logs.write_text("no folder")
    try:
        page = admin.page("/admin/queues")
    finally:
        logs.unlink()
        moved.rename(logs)
    assert any(alarm.startswith("Events cannot be kept: trackers are answered 503.") for alarm in alarms(page))
    assert "Free disk space" in page


def test_the_database_is_away(installation: Installation, server: Server, admin: Visitor) -> None:
    for _ in range(2):
        server.track()
    admin.page("/admin/queues")
    execute(installation, "ALTER TABLE owa_login RENAME TO hidden")
    page = admin.page("/admin/queues", 503)
    with away(installation):
        assert installation.cli("cmd=processEventQueue").status == 1
    paused = admin.page("/admin/queues", 503)
    acted = admin.post("/admin/queues")
    stranger = server.request("GET", "/admin/queues", headers={"Cookie": "owa_login=forged"})
    execute(installation, "ALTER TABLE hidden RENAME TO owa_login")
    (alarm,) = alarms(page)
    assert alarm.startswith("Processing is paused.")
    assert figures(page, "incoming_tracking_events")["Depth"] == "2"
    assert "no such table" in page
    assert alarms(paused)[0].startswith("Processing is paused since 2")
    assert acted.status == 503
    assert (stranger.status, b"Depth" in stranger.body) == (303, False)
    assert alarms(admin.page("/admin/queues"))[0].startswith("incoming_tracking_events is paused since 2")
    installation.drain()
    assert alarms(admin.page("/admin/queues")) == []


def test_a_process_that_started_with_the_database_away_says_so(installation: Installation) -> None:
    with away(installation), installation.serve() as server:
        answer = server.request("GET", "/admin/queues", headers={"Cookie": "owa_login=anything"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert b"The database is away" in answer.body
    assert b"Depth" not in answer.body


def test_the_last_drain_failed(installation: Installation, server: Server, admin: Visitor) -> None:
    installation.drain()
    execute(installation, "UPDATE owa_job_run SET result = 'failed', detail = '<b>ValueError</b>' WHERE job = 'retry'")
    page = admin.page("/admin/queues")
    assert alarms(page) == ["The last drain of processing failed. <b>ValueError</b>"]
    assert "&lt;b&gt;ValueError&lt;/b&gt;" in page


def test_scheduler_is_named(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1")
    with installation.serve() as server:
        server.track()
        admin = Visitor(server).log_in()
        wait_until(lambda: "1 processed" in admin.page("/admin/queues"), "the drain is not shown")
        assert "by the scheduler (" in admin.page("/admin/queues")
        told = admin.told("/admin/failed", act="retry", guid="1")
        assert told == "1 event is not failed any more, and left alone."


def test_a_viewer_sees_his_sites_and_may_not_act(installation: Installation, server: Server) -> None:
    installation.cli("cmd=add-site", "domain=https://other.example")
    add_user(installation, "eye", "viewer", [SITE_ID])
    add_user(installation, "blind", "viewer")
    fail(installation, event(1, "x.mine"), event(2, "x.theirs", "their site"))
    server.track(page_view(site_id="0" * 32))
    installation.drain()
    eye, blind, admin = (Visitor(server).log_in(name) for name in ("eye", "blind", "admin"))
    assert figures(admin.page("/admin/queues"), "processing")["Failed"] == "2"
    page = eye.page("/admin/queues")
    assert figures(page, "processing")["Failed"] == "1"
    assert "x.mine" in page
    for hidden in ("x.theirs", "their site", "0" * 32, "Drain now"):
        assert hidden not in page
    assert figures(blind.page("/admin/queues"), "processing")["Failed"] == "0"
    assert eye.post("/admin/queues").status == 403
    assert installation.query("SELECT * FROM owa_job_run WHERE caller = 'dashboard'") == []


def test_without_a_login(server: Server) -> None:
    answer = server.request("GET", "/admin/queues")
    assert answer.status == 303
    assert "/login?next=" in str(answer.headers["Location"])


def test_the_ledger_is_verified_on_demand(installation: Installation, server: Server, admin: Visitor) -> None:
    assert "Nobody has verified it so far." in admin.page("/admin/queues")
    server.track()
    server.track()
    installation.drain()
    told = admin.told("/admin/queues", act="verify")
    assert told == "Ledger: verified, no drift."
    assert "2 processed" in admin.page("/admin/queues").split('id="ledger"')[1]
    assert "verify ledger: Ledger" in admin.page("/admin/audit")
    execute(installation, "DELETE FROM owa_request WHERE id = (SELECT max(id) FROM owa_request)")
    assert alarms(admin.page("/admin/queues")) == []  # not for each page view
    assert admin.told("/admin/queues", act="verify") == "Ledger: 1 of its lines have a drift."
    (alarm,) = alarms(admin.page("/admin/queues"))
    assert alarm.startswith("The ledger does not add up, as of 2")
    assert "drift -1 at server 0" in alarm


def test_a_command_verifies_for_the_dashboard_too(installation: Installation, server: Server, admin: Visitor) -> None:
    server.track()
    assert installation.cli("cmd=verify-ledger").status == 0
    assert "1 queued" in admin.page("/admin/queues").split('id="ledger"')[1]


def test_a_verification_waits_for_no_long_drain(installation: Installation, server: Server, admin: Visitor) -> None:
    with (installation.data_dir / "logs" / "drain.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert admin.told("/admin/queues", act="verify").startswith("The verification goes on in the background")
        assert "still under way" in admin.told("/admin/queues", act="verify")
        assert "The verification is under way." in admin.page("/admin/queues")


def note(installation: Installation, *depths: int, server: int = 0, last: int = 0) -> None:
    """Samples of one a minute, the last one so many minutes ago; ten events have left in each."""
    minute = SystemClock().now() // (60 * MICROSECONDS) - last
    for number, depth in enumerate(depths):
        done = 10 * number
        values = (server, minute - len(depths) + 1 + number, depth, depth + done, done)
        execute(
            installation, "INSERT INTO owa_queue_sample VALUES ('incoming_tracking_events', ?, ?, ?, 9, ?, ?)", *values
        )


def test_rates_forecast_and_charts(installation: Installation, server: Server, admin: Visitor) -> None:
    note(installation, 90, 85, 80, 75)
    note(installation, 10, 20, server=4, last=30)
    page = admin.page("/admin/queues")
    assert figures(page, "incoming_tracking_events")["In"] == "5/min"
    assert figures(page, "incoming_tracking_events")["Out"] == "10/min"
    assert figures(page, "incoming_tracking_events")["Forecast"] == "empty"
    server.track()
    assert figures(admin.page("/admin/queues"), "incoming_tracking_events")["Forecast"].startswith("empty at ")
    other = figures(page, "incoming_tracking_events-4")
    assert (other["Depth"], other["Forecast"], other["As of"][:2]) == ("20", "too little history", "20")
    assert page.count('role="img"') == 6
    assert '<desc id="incoming_tracking_events-2-described">The last hour. Depth: at most 90, last 75.</desc>' in page
    week = admin.page("/admin/queues?span=week")
    assert '<h2 id="history">The last week</h2>' in week
    assert admin.page("/admin/queues?span=<b>").count("The last hour</h2>") == 1


def test_cron_notes_how_the_queues_are(installation: Installation, server: Server) -> None:
    server.track()
    installation.drain()
    rows = installation.query("SELECT queue, depth, taken, done FROM owa_queue_sample ORDER BY queue")
    assert [tuple(row.values()) for row in rows] == [("incoming_tracking_events", 0, 1, 1), ("processing", 0, 0, 0)]


def test_servers(installation: Installation, admin: Visitor) -> None:
    wait_until(lambda: installation.query("SELECT name FROM owa_process"), "the process has not said that it is there")
    table = admin.page("/admin/queues").split('id="servers"')[1].split("</table>")[0]
    for told in ("asynchronous", "well", "right", VERSION, "none"):
        assert told in table
    put_long_ago(installation, 200)
    assert re.search(r'data-label="Lag" class="time">20\d s<', admin.page("/admin/queues"))


def test_a_viewer_sees_nothing_of_servers_and_of_other_sites(installation: Installation, server: Server) -> None:
    installation.cli("cmd=add-site", "domain=https://other.example")
    add_user(installation, "eye", "viewer", [site_id_of("https://other.example")])
    server.track()
    installation.drain()
    note(installation, 1, 2, server=4)
    installation.cli("cmd=verify-ledger")
    page = Visitor(server).log_in("eye").page("/admin/queues")
    for hidden in ('id="servers"', "server 4", "Verify now", "1 processed</td>", "processing-charts"):
        assert hidden not in page
    assert "Forecast" not in figures(page, "processing")


def test_its_part_is_the_page_without_its_frame(installation: Installation, server: Server, admin: Visitor) -> None:
    page, part = admin.page("/admin/queues?span=day"), admin.page("/admin/queues?part=1&span=day")
    assert "<html" not in part
    assert part.count("<section") == page.count("<section")
    assert Visitor(server).get("/admin/queues?part=1").status == 303
