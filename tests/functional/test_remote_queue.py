"""One server collects, another one processes: real servers, requests of a tracker at one end, rows at the other."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest

from owa.app import open_installation
from owa.db.configuration import site_id_of
from owa.queues.contract import FailedFilter
from tests.servers import Install, Installation, Server, free_port, page_view

KEY = "a key of sixteen characters, or more"


@dataclass
class Pair:
    """A collecting and a processing server."""

    collector: Installation
    processor: Installation
    collecting: Server
    processing: Server

    def forward(self, *words: str) -> Any:
        """Run the collector's cron line; what it says, as JSON."""
        return self.collector.cli("cmd=processEventQueue", "format=json", *words).json["queues"]


@pytest.fixture
def pair(install: Install) -> Iterator[Pair]:
    processor = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", OWA_SERVER_NUMBER="1", OWA_REMOTE_QUEUE_KEY=KEY)
    with processor.serve() as processing:
        collector = collector_of(install, f"http://127.0.0.1:{processing.port}/queue.php")
        with collector.serve() as collecting:
            yield Pair(collector, processor, collecting, processing)


def collector_of(install: Install, endpoint: str, **variables: str) -> Installation:
    """An installation with Remote Queue on."""
    given = {
        "OWA_QUEUE_EVENTS": "1",
        "OWA_SCHEDULER": "0",
        "OWA_SERVER_NUMBER": "7",
        "OWA_REMOTE_QUEUE_KEY": KEY,
        "OWA_REMOTE_QUEUE_ENDPOINT": endpoint,
    }
    collector = install(**given | variables)
    switched = collector.cli("cmd=activate", "module=remoteQueue")
    assert (switched.status, switched.err) == (0, "")
    return collector


def drift(installation: Installation) -> int:
    done = installation.cli("cmd=verify-ledger", "format=json")
    assert done.status in (0, 1), done.err
    found: int = done.json["drift"]
    return found


def test_events_are_collected_here_and_processed_there(pair: Pair) -> None:
    views = [page_view(page_title=f"Page {number}") for number in range(5)]
    for view in views:
        assert pair.collecting.track(view).status == 204
    assert pair.collector.status()["queues"]["incoming_tracking_events"]["depth"] == 5
    assert pair.forward()["incoming_tracking_events"]["forwarded"] == 5
    assert pair.collector.rows("owa_request") == []
    pair.processor.drain()
    assert [pair.processor.title_of(view) for view in views] == [f"Page {number}" for number in range(5)]
    assert {row["id"] // 10**6 % 1000 for row in pair.processor.rows("owa_request")} == {7}
    assert (drift(pair.collector), drift(pair.processor)) == (0, 0)


def test_the_event_keeps_its_address_and_agent(pair: Pair) -> None:
    view = page_view()
    headers = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; rv:120.0) Gecko/20100101 Firefox/120.0"}
    pair.collecting.track(view, headers)
    pair.forward()
    pair.processor.drain()
    assert [row["browser_type"] for row in pair.processor.rows("owa_ua")] == ["Firefox"]


def test_events_wait_for_a_receiver_that_is_down(pair: Pair) -> None:
    pair.processing.kill()
    assert pair.collecting.track().status == 204
    paused = pair.collector.cli("cmd=processEventQueue")
    assert (paused.status, paused.out) == (1, "")
    assert "cannot be reached" in paused.err
    assert pair.collector.status()["queues"]["incoming_tracking_events"]["depth"] == 1
    assert drift(pair.collector) == 0
    with pair.processor.serve() as back:
        endpoint = f"http://127.0.0.1:{back.port}/queue.php"
        pair.collector.variables["OWA_REMOTE_QUEUE_ENDPOINT"] = endpoint
        assert pair.forward()["incoming_tracking_events"]["forwarded"] == 1


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OWA_REMOTE_QUEUE_KEY": "another key, of sixteen characters"}, "The signature is wrong"),
        ({"OWA_SERVER_NUMBER": "1"}, "OWA_SERVER_NUMBER"),
    ],
)
def test_the_receivers_reason_is_told(pair: Pair, variables: dict[str, str], reason: str) -> None:
    pair.collecting.track()
    refused = pair.collector.cli("cmd=processEventQueue", **variables)
    assert refused.status == 1
    assert reason in refused.err
    assert pair.forward()["incoming_tracking_events"]["forwarded"] == 1


@pytest.mark.parametrize("path", ["/log.php", "/nothing.php", "/blank.php", "/login"])
def test_an_address_that_is_not_queue_php(pair: Pair, path: str) -> None:
    pair.collecting.track()
    endpoint = f"http://127.0.0.1:{pair.processing.port}{path}"
    refused = pair.collector.cli("cmd=processEventQueue", OWA_REMOTE_QUEUE_ENDPOINT=endpoint)
    assert refused.status == 1
    assert "queue.php" in refused.err
    assert pair.forward()["incoming_tracking_events"]["forwarded"] == 1


def test_refused_events_are_failed_ones_with_the_reason(pair: Pair) -> None:
    added = pair.collector.cli("cmd=add-site", "domain=http://other.example", "format=json")
    view = page_view(site_id=added.json["site_id"])
    pair.collecting.track(view)
    pair.collecting.track()
    figures = pair.forward()["incoming_tracking_events"]
    assert (figures["forwarded"], figures["failed"]) == (1, 1)
    (failed,) = pair.collector.query("SELECT last_error_msg FROM owa_queue_item WHERE status = 'broken'")
    assert "unregistered_site" in failed["last_error_msg"]
    assert (drift(pair.collector), drift(pair.processor)) == (0, 0)


def test_a_receiver_that_says_nothing_holds_up_nobody(install: Install) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as deaf:
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}/queue.php"
        collector = collector_of(install, endpoint, OWA_SCHEDULER="1")
        with collector.serve() as collecting:
            for _ in range(20):
                assert collecting.track().status == 204
        assert collector.status()["queues"]["incoming_tracking_events"]["depth"] == 20


class PhpOwa(BaseHTTPRequestHandler):
    """Answers 200 with an empty body, whatever it gets, as OWA's queue.php does."""

    taken: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.taken.append(dict(parse_qsl(body, keep_blank_values=True)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is printed."""


def test_format_owa_posts_single_events_which_stay_unconfirmed(install: Install) -> None:
    with HTTPServer(("127.0.0.1", 0), PhpOwa) as php:
        threading.Thread(target=php.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{php.server_address[1]}/queue.php"
        collector = collector_of(install, endpoint, OWA_REMOTE_QUEUE_FORMAT="owa", OWA_REMOTE_QUEUE_KEY="")
        with collector.serve() as collecting:
            collecting.track(page_view(page_title="Gr\u00fc\u00dfe"))
            collecting.track()
        done = collector.cli("cmd=processEventQueue", "format=json")
        php.shutdown()
    assert done.json["queues"]["incoming_tracking_events"]["forwarded"] == 2
    first, second = PhpOwa.taken
    assert first["owa_event[eventType]"] == first["owa_event[properties][event_type]"] == "base.page_request"
    assert first["owa_event[properties][page_title]"] == "Gr\u00fc\u00dfe"
    assert first["owa_event[guid]"] != second["owa_event[guid]"]
    assert collector.counts() == {("forwarded", "unconfirmed"): 2}
    assert drift(collector) == 0


def test_what_this_one_posts_is_what_this_one_takes_of_a_php_owa(install: Install) -> None:
    processor = install(
        OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0", OWA_SERVER_NUMBER="1", OWA_QUEUE_ACCEPT_PLAIN_FROM="127.0.0.1"
    )
    with processor.serve() as processing:
        endpoint = f"http://127.0.0.1:{processing.port}/queue.php"
        collector = collector_of(install, endpoint, OWA_REMOTE_QUEUE_FORMAT="owa")
        view = page_view(page_title="A plain page")
        with collector.serve() as collecting:
            collecting.track(view)
        collector.drain()
    processor.drain()
    assert processor.title_of(view) == "A plain page"


def test_refused_events_are_forwarded_when_they_are_retried(pair: Pair) -> None:
    pair.collector.cli("cmd=add-site", "domain=http://other.example")
    view = page_view(site_id=site_id_of("http://other.example"))
    pair.collecting.track(view)
    assert pair.forward()["incoming_tracking_events"]["failed"] == 1
    pair.processor.cli("cmd=add-site", "domain=http://other.example")
    with (
        closing(open_installation(pair.collector.environment(), {})) as opened,
        opened.database.writing() as connection,
    ):
        (failed,) = opened.retries.failed(connection, FailedFilter(), 10)
        opened.retries.retry(connection, [(failed.guid, failed.handler)], opened.clock.now())
    assert drift(pair.collector) == 0
    assert pair.collector.cli("cmd=processEventQueue").status == 0  # back on the queue
    assert drift(pair.collector) == 0
    assert pair.forward()["incoming_tracking_events"]["forwarded"] == 1
    pair.processor.drain()
    assert pair.processor.request_of(view)
    assert (drift(pair.collector), drift(pair.processor)) == (0, 0)


def test_what_waits_unsent_is_handed_over_when_the_module_is_switched_off(pair: Pair) -> None:
    pair.processing.kill()
    view = page_view()
    pair.collecting.track(view)
    switched = pair.collector.cli("cmd=deactivate", "module=remote_queue", "events=hand-over")
    assert (switched.status, switched.err) == (0, "")
    pair.collector.drain()
    assert pair.collector.request_of(view)
    assert drift(pair.collector) == 0


def test_in_synchronous_mode_the_checks_say_that_nothing_is_forwarded(pair: Pair) -> None:
    status = pair.collector.cli("cmd=queue-status", "format=json", OWA_QUEUE_EVENTS="0")
    assert any("synchronous mode" in str(problem) for problem in status.json["problems"])
    status = pair.collector.cli("cmd=queue-status", "format=json")
    assert not any("synchronous mode" in str(problem) for problem in status.json["problems"])
