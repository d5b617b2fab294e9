"""The dashboard: figures, alarms with remedies, and a drain on demand."""

import fcntl
import re
from dataclasses import replace
from html import unescape

import pytest

from owa.clock import MICROSECONDS, SystemClock
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
    assert alarms(page) == []
    assert "Retry or discard them under Failed events" in page


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
    assert alarms(page) == ["incoming_tracking_events: nobody has drained so far, although events wait."]
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
    assert "Events cannot be kept: trackers are answered 503." in alarms(page)
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
    assert alarms(page) == ["Processing is paused."]
    assert figures(page, "incoming_tracking_events")["Depth"] == "2"
    assert "no such table" in page
    assert alarms(paused)[1].startswith("incoming_tracking_events is paused since 2")
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
    assert alarms(page) == ["The last drain of processing failed."]
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
