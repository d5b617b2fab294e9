"""One server collects, another one processes: real servers, requests of a tracker at one end, rows at the other."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

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
