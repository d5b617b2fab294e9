"""With the database away, full or locked: events are taken, nothing is failed for it, and all is stored once."""

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.servers import ROOT, Install, Installation, page_view, run, send_events, wait_until


@contextmanager
def away(installation: Installation) -> Iterator[None]:
    """Nobody can open the database."""
    hidden = installation.database.with_suffix(".hidden")
    installation.database.rename(hidden)
    installation.database.mkdir()
    try:
        yield
    finally:
        installation.database.rmdir()
        hidden.rename(installation.database)


def test_asynchronous_tracking_goes_on(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_DRAIN_INTERVAL="1")
    events = [page_view() for _ in range(15)]
    with installation.serve(OWA_SCHEDULER="0") as server:
        assert {server.track(event).status for event in events[:5]} == {204}
        with away(installation):
            assert {server.track(event).status for event in events[5:10]} == {204}
            late = installation.serve(OWA_SCHEDULER="1")
            assert {late.track(event).status for event in events[10:]} == {204}
            page = late.request("GET", "/").body.decode()
            wait_until(lambda: "The job drain is paused" in late.stderr, "its log does not say why it does not drain")
    with late:
        wait_until(lambda: len(installation.rows("owa_request")) == 15, "it does not go on by itself")
        wait_until(lambda: "The job drain goes on" in late.stderr, "its log does not say that it is over")
    assert "Processing is paused" in page
    assert all(installation.request_of(event) for event in events)
    assert installation.counts() == {("processed", ""): 15}


def test_drain_is_paused(queueing: Installation) -> None:
    with queueing.serve() as server:
        server.track(event := page_view())
    with away(queueing):
        drained = queueing.cli("cmd=processEventQueue")
        shown = queueing.cli("cmd=queue-status")
    assert (drained.status, drained.out) == (1, "")
    assert "paused" in drained.err
    assert "unable to open database file" in drained.err
    assert (shown.status, shown.out) == (1, "")
    assert "unable to open database file" in shown.err
    queueing.drain()
    assert queueing.request_of(event)
    assert queueing.counts() == {("processed", ""): 1}


def test_drain_is_paused_halfway_by_a_full_disk(queueing: Installation) -> None:
    with queueing.serve() as server:
        accepted = send_events(server.port, 10**18, 4_000)
    command = f"ulimit -f 7500 && exec {sys.executable} {ROOT / 'cli.py'} cmd=processEventQueue"
    drained = run(["sh", "-c", command], queueing.folder, queueing.environment())
    assert drained.status == 1
    assert "incoming_tracking_events is paused. The database is not available: disk I/O error." in drained.err
    assert 0 < len(queueing.rows("owa_request")) < 4_000, "the limit is off: none or all fitted under it"
    queueing.drain()
    assert [row["session_id"] for row in queueing.query("SELECT session_id FROM owa_request ORDER BY 1")] == accepted
    assert queueing.counts() == {("processed", ""): 4_000}


def test_locked_in_synchronous_mode(storing: Installation) -> None:
    with storing.serve() as server:
        with closing(sqlite3.connect(storing.database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            assert server.track(queued := page_view()).status == 204
            assert 1.9 < time.monotonic() - started < 20
        assert server.track(stored := page_view()).status == 204
    assert storing.request_of(stored)
    assert storing.request_of(queued) is None
    assert storing.status()["queues"]["incoming_tracking_events"]["depth"] == 1
    storing.drain()
    assert storing.request_of(queued)
    assert storing.counts() == {("processed", ""): 2}


def test_away_in_synchronous_mode(storing: Installation) -> None:
    with away(storing), storing.serve() as server:
        assert server.track(event := page_view()).status == 204
    storing.drain()
    assert storing.request_of(event)


def test_event_that_cannot_be_kept_is_refused(queueing: Installation) -> None:
    queue_file = queueing.data_dir / "logs" / "events.txt"
    queue_file.unlink(missing_ok=True)
    queue_file.mkdir()
    with queueing.serve() as server:
        answer = server.track(page_view())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        queue_file.rmdir()
        assert server.track(event := page_view()).status == 204
    queueing.drain()
    assert [row["session_id"] for row in queueing.rows("owa_request")] == [int(event["owa_session_id"])]
