"""Under traffic from several processes, while several drains rotate and read: each accepted event is stored once."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.servers import Install, Installation, Result, send_events, senders

EVENTS = 20_000
PROCESSES = 4
FIRST = 1_795_291_324_000_000_000
"""Session id of the first event."""


@pytest.mark.slow
def test_each_accepted_event_is_stored_once(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="1", OWA_DRAIN_INTERVAL="1")
    share = EVENTS // PROCESSES
    with installation.serve("production.ini") as server, senders(PROCESSES) as pool:
        sending = [pool.submit(send_events, server.port, FIRST + number * share, share) for number in range(PROCESSES)]
        drains = _drain_until(installation, lambda: all(sender.done() for sender in sending))
        accepted = [session for sender in sending for session in sender.result()]
    installation.drain()
    assert len(accepted) == EVENTS
    assert [row["session_id"] for row in installation.query("SELECT session_id FROM owa_request ORDER BY 1")] == sorted(
        accepted
    )
    assert installation.query("SELECT count(*) AS n FROM owa_session WHERE num_pageviews = 1") == [{"n": EVENTS}]
    assert installation.counts() == {("processed", ""): EVENTS}
    assert {drain.status for drain in drains} <= {0, 75}
    assert len(list((installation.data_dir / "logs" / "archive").iterdir())) > 3, "nothing rotated under traffic"


def _drain_until(installation: Installation, done: Callable[[], bool]) -> list[Result]:
    """Drain again and again, with two commands at a time."""
    results: list[Result] = []

    def drain() -> None:
        while not done():
            results.append(installation.cli("cmd=processEventQueue", "queues=incoming_tracking_events", "wait=0"))
            time.sleep(0.2)

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
