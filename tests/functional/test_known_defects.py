"""The defects of the PHP system, by their numbers in the list that was made of them: none of them is here."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from owa.analytics.tables import SESSION
from owa.app import open_installation
from owa.clock import FixedClock
from owa.db.configuration import site_id_of
from owa.modules.database_queue.table import QUEUE_ITEM
from owa.tracking.guids import Guids
from tests.functional.test_remote_queue import collector_of
from tests.page_views import NOON, open_processing
from tests.page_views import page_view as event
from tests.servers import Install, Installation, page_view, send_events

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0"
FIRST = 1_795_291_324_000_000_000
"""Session id of the first event."""


def test_defect_1_a_drain_under_live_traffic_loses_no_event(queueing: Installation) -> None:
    """Several rotations a second: names of rotated files do not collide, and nothing is renamed over another."""
    accepted: list[int] = []
    with queueing.serve() as server:
        accepted += send_events(server.port, FIRST, 600)
        live = threading.Thread(target=lambda: accepted.extend(send_events(server.port, FIRST + 600, 600)))
        live.start()
        rotated = 0
        with closing(open_installation(queueing.environment(), {})) as installation:
            while live.is_alive():
                with installation.incoming.drain() as source:
                    while batch := source.lease(100):
                        installation.processor.settle(batch)
                rotated += 1
        live.join()
    queueing.drain()
    assert rotated > 5
    assert len(accepted) == 1_200
    assert [row["session_id"] for row in queueing.query("SELECT session_id FROM owa_request ORDER BY 1")] == sorted(
        accepted
    )


def test_defect_2_a_number_that_is_none_blocks_nothing(queueing: Installation) -> None:
    hits = [page_view(), page_view(nps="abc"), page_view(nps="2")]
    with queueing.serve() as server:
        assert [server.track(hit).status for hit in hits] == [204] * 3
    queueing.drain()
    rows = [queueing.request_of(hit) for hit in hits]
    assert [row and row["num_prior_sessions"] for row in rows] == [None, None, 2]
    assert queueing.counts() == {("processed", ""): 3, ("coerced", "nps"): 1}


def test_defect_3_a_drained_event_keeps_its_own_browser_and_address(queueing: Installation) -> None:
    queueing.variables["OWA_TRUSTED_PROXIES"] = "127.0.0.1"
    hits = {"192.0.2.1": page_view(), "203.0.113.9": page_view()}
    agents = {"192.0.2.1": FIREFOX, "203.0.113.9": "curl/8.5.0"}
    with queueing.serve() as server:
        for address, hit in hits.items():
            server.track(hit, {"X-Forwarded-For": address, "User-Agent": agents[address]})
    queueing.drain()
    for address, hit in hits.items():
        row = queueing.request_of(hit)
        assert row is not None
        assert row["ip_address"] == address
        (agent,) = queueing.query("SELECT ua FROM owa_ua WHERE id = ?", row["ua_id"])
        assert agent["ua"] == agents[address]


def test_defect_4_guids_of_one_second_do_not_collide(tmp_path: Path) -> None:
    clock = FixedClock(NOON)
    with closing(Guids(tmp_path, 7, clock)) as one, closing(Guids(tmp_path, 7, clock)) as other:
        made = [guids.next() for _ in range(25_609) for guids in (one, other)]
    assert len(set(made)) == 2 * 25_609


def test_defect_7_two_drains_at_once_do_nothing_twice(queueing: Installation) -> None:
    with queueing.serve() as server:
        server.track(page_view())
    with closing(open_installation(queueing.environment(), {})) as installation:
        with installation.incoming.drain():
            second = queueing.cli("cmd=processEventQueue", "queues=incoming_tracking_events", "wait=0")
            assert second.status == 75
            assert "Another drain" in second.err
        with installation.incoming.drain():  # whose holder has left its lock file behind is no holder
            pass
    queueing.drain()
    assert queueing.counts() == {("processed", ""): 1}


def test_defect_7_rows_of_the_processing_queue_are_claimed(tmp_path: Path) -> None:
    with closing((processing := open_processing(tmp_path)).database):
        processing.settle(event(2, at=2))
        processing.settle(event(1, first=True))
        mine = processing.processor.lease(10)
        assert len(mine.items) == 1
        assert processing.processor.lease(10).items == ()


def test_defect_8_a_last_line_without_a_newline_is_processed(queueing: Installation, tmp_path: Path) -> None:
    with queueing.serve() as server:
        hits = [page_view(), page_view()]
        for hit in hits:
            server.track(hit)
    copied = tmp_path / "copied.txt"
    copied.write_bytes((queueing.data_dir / "logs" / "events.txt").read_bytes().removesuffix(b"\n"))
    (queueing.data_dir / "logs" / "events.txt").unlink()
    assert queueing.cli("cmd=processEventQueue", f"path={copied}").status == 0
    assert all(queueing.request_of(hit) for hit in hits)


def test_defect_8_a_crash_lets_nothing_be_read_from_the_start(queueing: Installation) -> None:
    with queueing.serve() as server:
        send_events(server.port, FIRST, 50)
    with (
        closing(open_installation(queueing.environment(), {})) as installation,
        installation.incoming.drain() as source,
    ):
        batch = source.lease(20)
        assert batch is not None
        installation.processor.settle(batch)
    # here it ends, in the middle of a file
    again = queueing.cli("cmd=processEventQueue", "format=json").json["queues"]["incoming_tracking_events"]
    assert (again["processed"], again["duplicate"]) == (30, 0)
    assert queueing.counts() == {("processed", ""): 50}


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3), (3, 2, 1), (2, 3, 1)])
def test_defect_9_a_page_view_that_waited_for_its_session_is_counted(tmp_path: Path, order: tuple[int, ...]) -> None:
    with closing((processing := open_processing(tmp_path)).database):
        for number in order:
            processing.settle(event(number, at=number, first=number == 1))
            processing.finish()
        session = processing.row(SESSION)
        assert (session["num_pageviews"], session["is_bounce"]) == (3, 0)


def test_defect_10_a_failed_event_has_its_error_and_traceback(tmp_path: Path) -> None:
    """How it is retried or discarded is for the admin's pages to test."""
    processing = open_processing(tmp_path, core="tests.poison", OWA_QUEUE_MAX_RETRY_COUNT="1")
    with closing(processing.database):
        processing.settle(event(1, first=True, poison="handle"))
        item = processing.row(QUEUE_ITEM)
    assert (item["status"], item["last_error_msg"]) == ("broken", f"ValueError: {event(1).guid} is poisoned")
    assert "in _taste" in item["last_error_trace"]


def test_defect_5_a_remote_queue_reads_answers_tries_again_and_delays_nobody(install: Install) -> None:
    """The endpoint is down, and takes connections without a word: the visitor's request is answered all the same, and
    the event arrives when the endpoint is back."""
    processor = install(OWA_SCHEDULER="0", OWA_QUEUE_EVENTS="1", OWA_SERVER_NUMBER="1", OWA_REMOTE_QUEUE_KEY="k" * 32)
    collector = collector_of(install, "http://127.0.0.1:9/queue.php", OWA_REMOTE_QUEUE_KEY="k" * 32)
    hit = page_view()
    with collector.serve() as server:
        assert server.track(hit).status == 204
    assert collector.cli("cmd=processEventQueue").status == 1
    with processor.serve() as receiving:
        collector.variables["OWA_REMOTE_QUEUE_ENDPOINT"] = f"http://127.0.0.1:{receiving.port}/queue.php"
        collector.drain()
    processor.drain()
    assert processor.request_of(hit)


def test_defect_6_what_queue_php_takes_is_checked_and_processed_and_refusals_are_told(install: Install) -> None:
    processor = install(OWA_SCHEDULER="0", OWA_QUEUE_EVENTS="1", OWA_SERVER_NUMBER="1", OWA_REMOTE_QUEUE_KEY="k" * 32)
    with processor.serve() as receiving:
        endpoint = f"http://127.0.0.1:{receiving.port}/queue.php"
        collector = collector_of(install, endpoint, OWA_REMOTE_QUEUE_KEY="k" * 32)
        collector.cli("cmd=add-site", "domain=http://unknown.example")
        hit, unknown = page_view(), page_view(site_id=site_id_of("http://unknown.example"))
        with collector.serve() as server:
            assert [server.track(one).status for one in (hit, unknown)] == [204, 204]
        assert "1 events failed for good" in collector.cli("cmd=processEventQueue").err
    processor.drain()
    assert processor.request_of(hit)
    assert processor.counts()["refused", "unregistered_site"] == 1
    assert collector.counts()["failed", ""] == 1
