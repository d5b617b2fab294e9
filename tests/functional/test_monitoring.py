"""What machines are told: metrics, health, thresholds with exit statuses, and a request after each good drain."""

import json
import os
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest

from owa.app import open_installation
from owa.monitoring.exposition import Metric, exposition
from tests.admin import Visitor
from tests.failures import damaged, event, execute, fail, put
from tests.functional.test_database_away import away
from tests.functional.test_diagnosis import NOBODY, of_nobody
from tests.servers import Install, Installation, Server, page_view, wait_until
from tests.web import Web

INCOMING, PROCESSING = "incoming_tracking_events", "processing"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")


def parsed(text: str) -> tuple[Samples, dict[str, str]]:
    """The samples, and the type of each metric. Takes nothing that the format does not allow."""
    assert text.endswith("\n")
    samples: Samples = {}
    types: dict[str, str] = {}
    helped = ""
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert helped not in types, "a metric's lines stand together"
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert (name, kind in ("gauge", "counter")) == (helped, True)
            types[name] = kind
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] == helped == list(types)[-1], "it comes behind its type"
            labels = tuple((name, _plain(value)) for name, value in re.findall(LABEL, found[2] or ""))
            assert (found[1], labels) not in samples
            samples[found[1], labels] = float(found[found.lastindex or 0])
    return samples, types


def _plain(escaped: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), escaped)


def scraped(server: Server) -> Samples:
    answer = server.request("GET", "/metrics")
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Set-Cookie"] is None
    samples, types = parsed(answer.body.decode())
    assert types == {
        "owa_queue_depth": "gauge",
        "owa_queue_oldest_seconds": "gauge",
        "owa_events_total": "counter",
        "owa_refused_total": "counter",
        "owa_ledger_drift": "gauge",
    }
    return samples


def of_queue(name: str, queue: str, **more: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, (("queue", queue), *more.items())


DRIFT = ("owa_ledger_drift", ())


@pytest.fixture
def installation(install: Install) -> Installation:
    return install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")


@pytest.fixture
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


def test_metrics_are_fresh_at_the_scrape(installation: Installation, server: Server) -> None:
    before = scraped(server)
    assert before[of_queue("owa_queue_depth", INCOMING)] == before[of_queue("owa_queue_depth", PROCESSING)] == 0
    assert before[of_queue("owa_queue_oldest_seconds", INCOMING)] == 0
    assert before[DRIFT] == 0
    put(installation, event(7, page_title="good"))  # of long ago
    for _ in range(3):
        server.track()
    server.track(page_view(site_id='un"known\\\n'))
    queued = scraped(server)
    assert queued[of_queue("owa_queue_depth", INCOMING)] == 4
    assert queued[of_queue("owa_queue_oldest_seconds", INCOMING)] > 3_600
    assert queued[DRIFT] == 0
    with damaged(installation):
        fail(installation, event(8))
    done = scraped(server)
    assert done[of_queue("owa_queue_depth", INCOMING)] == 0
    assert done[of_queue("owa_events_total", INCOMING, outcome="processed")] == 4
    assert done[of_queue("owa_events_total", PROCESSING, outcome="failed")] == 1
    assert done[("owa_refused_total", (("reason", "unregistered_site"),))] == 1
    assert done[DRIFT] == 0
    execute(installation, "DELETE FROM owa_request")
    assert scraped(server)[DRIFT] == -4


def test_metrics_with_the_database_away(installation: Installation) -> None:
    with away(installation), installation.serve() as server:
        server.track()
        samples = scraped(server)
    assert [key for key in samples if key[0] != "owa_queue_oldest_seconds"] == [of_queue("owa_queue_depth", INCOMING)]


def test_labels_are_escaped() -> None:
    nasty = 'a"b\\c\nd}e,f="g" \u2028\ud800'
    text = exposition([Metric("x_total", "counter", "One\nline \\.", [({"reason": nasty}, 1), ({"reason": ""}, 2.5)])])
    samples, _ = parsed(text)
    assert samples == {
        ("x_total", (("reason", nasty.replace("\ud800", "?")),)): 1,
        ("x_total", (("reason", ""),)): 2.5,
    }


# Health


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/live"])
def test_health(server: Server, path: str) -> None:
    answer = server.request("GET", path)
    assert (answer.status, json.loads(answer.body)["status"]) == (200, "ok")
    assert answer.headers["Content-Type"] == "application/json"
    assert (answer.headers["Set-Cookie"], answer.headers["Cache-Control"]) == (None, "no-store")
    assert server.request("HEAD", path).status == 200
    assert server.request("POST", path).status == 404


def test_health_when_something_is_broken(installation: Installation, server: Server) -> None:
    put(installation, event(1))  # of long ago: cron has not come
    health = server.request("GET", "/health")
    document = json.loads(health.body)
    assert (health.status, document["status"], document["first_broken"]) == (503, "broken", "cron")
    assert server.request("GET", "/health/ready").status == 200
    logs = installation.data_dir / "logs"
    moved = logs.rename(logs.with_name("moved"))
    logs.write_text("no folder")
    ready = server.request("GET", "/health/ready")
    live = server.request("GET", "/health/live")
    logs.unlink()
    moved.rename(logs)
    assert (ready.status, json.loads(ready.body)["first_broken"]) == (503, "endpoint")
    assert live.status == 200


def test_live_and_ready_need_no_database(installation: Installation) -> None:
    with away(installation), installation.serve() as server:
        found = {path: server.request("GET", path).status for path in ("/health/live", "/health/ready", "/health")}
    assert found == {"/health/live": 200, "/health/ready": 200, "/health": 503}


@pytest.mark.parametrize(("is_queued", "status"), [("1", 200), ("0", 503)])
def test_ready_with_a_database_that_may_not_be_written_to(install: Install, is_queued: str, status: int) -> None:
    """In asynchronous mode events are kept all the same. (Only one who is not root may be kept from writing.)"""
    installation = install(OWA_QUEUE_EVENTS=is_queued, OWA_SCHEDULER="0")
    with of_nobody(installation), installation.fork(serve_as_nobody, ["development.ini"]) as server:
        for path in installation.data_dir.glob("owa.db*"):
            path.chmod(0o444)
        ready = server.request("GET", "/health/ready")
        health = json.loads(server.request("GET", "/health").body)
        kept = server.track(page_view()).status
    assert (ready.status, kept) == (status, 204)
    assert "permissions" in [check["name"] for check in health["checks"] if check["verdict"] == "broken"]


def serve_as_nobody(_words: list[str]) -> int:
    """A server that an unprivileged user runs. All that it needs is loaded: he may not be able to read Python's own
    files."""
    import waitress
    from pyramid.paster import get_app

    application = get_app("development.ini")
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    waitress.serve(application, host="127.0.0.1", port=int(os.environ["PORT"]))
    return 0


def test_live_looks_at_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_arguments: object) -> Any:
        raise AssertionError("the database was touched")

    database = type(web.installation.database)
    monkeypatch.setattr(database, "reading", touched)
    monkeypatch.setattr(database, "writing", touched)
    assert web.visitor().get("/health/live").json == {"status": "ok"}


# Who may ask


@pytest.mark.parametrize(
    ("remote", "headers", "settings", "status"),
    [
        ("127.0.0.1", {}, {}, 200),
        ("127.9.9.9", {}, {}, 200),
        ("::1", {}, {}, 200),
        ("::ffff:127.0.0.1", {}, {}, 200),
        ("10.0.0.1", {}, {}, 404),
        ("", {}, {}, 404),
        ("10.0.0.1", {}, {"OWA_MONITOR_FROM": "10.0.0.0/8"}, 200),
        ("127.0.0.1", {}, {"OWA_MONITOR_FROM": "10.0.0.0/8"}, 404),
        ("127.0.0.1", {}, {"OWA_MONITOR_FROM": ""}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "1.2.3.4"}, {}, 404),  # by a proxy that nobody has named
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, {}, 404),
        ("127.0.0.1", {"X-Real-Ip": "1.2.3.4"}, {}, 404),
        ("127.0.0.1", {"X-Real-Ip": "1.2.3.4"}, {"OWA_TRUSTED_PROXIES": "127.0.0.1"}, 404),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, {"OWA_TRUSTED_PROXIES": "127.0.0.1"}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "1.2.3.4"}, {"OWA_TRUSTED_PROXIES": "127.0.0.1"}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 1.2.3.4"}, {"OWA_TRUSTED_PROXIES": "127.0.0.1"}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.2"}, {"OWA_TRUSTED_PROXIES": "127.0.0.1"}, 200),
        (
            "127.0.0.1",
            {"X-Forwarded-For": "10.0.0.1"},
            {"OWA_TRUSTED_PROXIES": "127.0.0.1", "OWA_MONITOR_FROM": "10.0.0.1"},
            200,
        ),
    ],
)
def test_only_monitors_are_answered(
    tmp_path: Path, remote: str, headers: dict[str, str], settings: dict[str, str], status: int
) -> None:
    from webtest import TestApp

    from owa.db.migrate import upgrade
    from owa.views import make_wsgi_app

    opened = open_installation({"OWA_DATA_DIR": str(tmp_path / "data"), "OWA_SCHEDULER": "0", **settings}, {})
    upgrade(opened.database)
    router = make_wsgi_app(opened)
    try:
        visitor = TestApp(router, {"REMOTE_ADDR": remote})
        for path in ("/metrics", "/health", "/health/live", "/health/ready"):
            answer = visitor.get(path, headers=headers, expect_errors=True)
            assert answer.status_int == status, (path, answer.text)
            assert "Set-Cookie" not in answer.headers
    finally:
        router.registry["owa"].stop()


@pytest.mark.parametrize("by", ["the command", "the metrics"])
def test_a_drift_that_one_has_found_is_seen_by_all(installation: Installation, server: Server, by: str) -> None:
    put(installation, event(1))
    installation.drain()
    execute(installation, "DELETE FROM owa_request")
    assert json.loads(server.request("GET", "/health").body)["first_broken"] is None
    if by == "the command":
        assert installation.cli("cmd=diagnose", "ledger=1").status == 1
    else:
        assert b"owa_ledger_drift -1" in server.request("GET", "/metrics").body
    assert json.loads(server.request("GET", "/health").body)["first_broken"] == "ledger"
    assert "drift -1" in installation.cli("cmd=diagnose").err


# Thresholds


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["warn=depth:4"], 0, "OWA OK: no queue has reached a threshold."),
        (["warn=depth:3"], 1, f"OWA WARNING: {INCOMING}: depth 3 has reached 3."),
        (["warn=depth:1", "crit=depth:4,age:999999999"], 1, "OWA WARNING"),
        (["warn=depth:1", "crit=depth:3"], 2, "OWA CRITICAL"),
        (["crit=age:3600"], 2, f"OWA CRITICAL: {INCOMING}: age "),
    ],
)
def test_exit_status_by_thresholds(installation: Installation, words: list[str], status: int, said: str) -> None:
    put(installation, event(1), event(2), event(3))
    done = installation.cli("cmd=queue-status", *words)
    assert (done.status, done.out.count("\n")) == (status, 1)
    assert done.out.startswith(said)
    assert f"| {INCOMING}.depth=3 {INCOMING}.age=" in done.out
    document = installation.cli("cmd=queue-status", "format=json", *words)
    assert (document.status, bool(document.json["critical"]), bool(document.json["warning"])) == (
        status,
        status == 2,
        any(word.startswith("warn") for word in words) and status > 0,
    )


def test_what_waits_for_its_session_reaches_no_threshold(installation: Installation) -> None:
    put(installation, event(1, is_new_session=""), event(2, is_new_session=""))
    installation.drain()
    assert installation.status()["queues"]["processing"]["waiting"] == 2
    done = installation.cli("cmd=queue-status", "warn=depth:1,age:0", "crit=depth:1,age:0")
    assert (done.status, done.out.split(" |")[0]) == (0, "OWA OK: no queue has reached a threshold.")


def test_age_of_what_does_not_wait_while_something_waits(installation: Installation) -> None:
    put(installation, event(1, is_new_session=""))
    installation.drain()
    with damaged(installation):
        put(installation, event(2))
        installation.drain()
    moved = "UPDATE owa_queue_item SET insertion_timestamp = insertion_timestamp - ? * 1000000 WHERE {} NULL"
    execute(installation, moved.format("waits_for IS NOT"), 900)
    execute(installation, moved.format("waits_for IS"), 200)
    figures = installation.status()["queues"]["processing"]
    assert (figures["waiting"], figures["retrying"], figures["oldest_seconds"] >= 900) == (1, 1, True)
    assert 200 <= figures["oldest_due_seconds"] < 900
    done = installation.cli("cmd=queue-status", "crit=age:100")
    assert (done.status, done.out.startswith("OWA CRITICAL: processing: age 2")) == (2, True)
    assert installation.cli("cmd=queue-status", "crit=age:900").status == 0


def test_with_a_queue_that_cannot_be_read_it_is_critical(installation: Installation) -> None:
    queue_id = installation.data_dir / "logs" / "queue.id"
    queue_id.unlink()
    queue_id.mkdir()
    for words in (["crit=depth:5"], ["warn=age:60"]):
        done = installation.cli("cmd=queue-status", *words)
        assert (done.status, done.out.startswith("OWA CRITICAL: ")) == (2, True)
        assert done.out.count("\n") == 1
    in_json = installation.cli("cmd=queue-status", "crit=depth:5", "format=json")
    assert (in_json.status, "error" in in_json.json) == (2, True)
    assert installation.cli("cmd=queue-status").status == 1


def test_without_an_installation_it_is_critical(tmp_path: Path) -> None:
    nowhere = Installation(tmp_path)
    done = nowhere.cli("cmd=queue-status", "crit=depth:5")
    assert (done.status, done.out.startswith("OWA CRITICAL: ")) == (2, True)
    assert nowhere.cli("cmd=queue-status").status == 1


@pytest.mark.parametrize("level", ["warn", "crit"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("deph:1", "did you mean depth?"),
        ("depth", "depth wants a whole number"),
        ("depth:-1", "depth wants a whole number"),
        ("depth:many", "depth wants a whole number"),
        ("depth:1e3", "depth wants a whole number"),
        ("age:1,age:2", "age is given twice"),
        ("depth:1,", "there is no ''"),
        ("depth:" + "9" * 5_000, "depth wants a whole number"),
    ],
)
def test_wrong_thresholds(installation: Installation, level: str, text: str, complaint: str) -> None:
    done = installation.cli("cmd=queue-status", f"{level}={text}")
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err


def test_with_the_database_away_it_is_critical(installation: Installation) -> None:
    with away(installation):
        done = installation.cli("cmd=queue-status", "warn=depth:1")
        plain = installation.cli("cmd=queue-status", "format=json")
    assert (done.status, done.out.startswith("OWA CRITICAL: The database is not available")) == (2, True)
    assert (plain.status, "error" in plain.json) == (1, True)


# The request after each good drain


class Listener:
    """A service that wants to hear of drains."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.status = 200
        self.holds = Flag()
        self.holds.set()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.asked.append((self.command, self.path))
                listener.holds.wait(30)
                self.send_response(listener.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ping/secret?x=1"


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    with listener.server as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield listener
        listener.holds.set()
        server.shutdown()
        thread.join()


def test_cron_tells_of_good_drains_only(installation: Installation, listener: Listener) -> None:
    installation.drain(OWA_PING_URL=listener.url)
    assert listener.asked == [("GET", "/ping/secret?x=1")]
    assert installation.cli("cmd=processEventQueue", "queues=processing", OWA_PING_URL=listener.url).status == 0
    with away(installation):
        assert installation.cli("cmd=processEventQueue", OWA_PING_URL=listener.url).status == 1
    assert len(listener.asked) == 1


def test_a_listener_that_is_not_there_hurts_no_drain(installation: Installation, listener: Listener) -> None:
    drained = installation.cli("cmd=processEventQueue", OWA_PING_URL="http://127.0.0.1:9/secret")
    assert (drained.status, drained.out) == (0, "")
    assert "secret" not in drained.err
    listener.status = 302
    assert installation.cli("cmd=processEventQueue", OWA_PING_URL=listener.url).status == 0
    assert len(listener.asked) == 1, "redirections are not followed"


def test_the_scheduler_tells_too_delays_nothing_and_complains_once(install: Install, listener: Listener) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_DRAIN_INTERVAL="1", OWA_PING_URL=listener.url)
    listener.status = 500
    listener.holds.clear()
    with installation.serve() as server:
        wait_until(lambda: listener.asked, "nobody asks")
        server.track(hit := page_view())
        wait_until(lambda: installation.request_of(hit), "the drain waits for the listener")
        assert len(listener.asked) == 1, "one request at a time"
        listener.holds.set()
        wait_until(lambda: len(listener.asked) > 3, "nobody asks any more")
        listener.status = 200
        wait_until(lambda: "answers again" in server.stderr, "it is not told that all is well again")
        complaints = [line for line in server.complaints if "ping" in line]
    assert 2 <= len(complaints) <= 3, complaints  # the first may have been held for too long
    assert not any("secret" in line for line in complaints)


@pytest.mark.parametrize("url", ["ftp://x", "file:///etc/passwd", "example.org", "http://", "http://x:y", "http://a b"])
def test_wrong_addresses(installation: Installation, url: str) -> None:
    done = installation.cli("cmd=processEventQueue", OWA_PING_URL=url)
    assert (done.status, "wants an address" in done.err) == (2, True)


def test_an_undo_lowers_no_counter(installation: Installation, server: Server) -> None:
    fail(installation, event(9, "x.y"))
    admin = Visitor(server).log_in()
    admin.page("/admin/failed")
    before = scraped(server)
    for act, state in (
        ("discard", "failed"),
        ("restore", "discarded"),
        ("discard", "failed"),
        ("restore", "discarded"),
    ):
        admin.page(f"/admin/failed?state={state}")
        admin.told(f"/admin/failed?state={state}", act=act, guid=str(event(9).guid))
        after = scraped(server)
        fallen = [key for key, value in before.items() if key[0].endswith("_total") and after[key] < value]
        assert fallen == []
        before = after
    assert before[of_queue("owa_events_total", PROCESSING, outcome="discarded")] == 2
    assert before[of_queue("owa_events_total", PROCESSING, outcome="restored")] == 2
    assert before[DRIFT] == 0
    assert 'class="state discarded"' not in admin.page("/admin/queues"), "none is discarded now"
    assert installation.cli("cmd=verify-ledger").status == 0
