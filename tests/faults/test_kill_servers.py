"""Web processes that are killed while events are sent to them: what was answered with 2xx is stored, and once."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException

import pytest

from tests.faults import killed
from tests.faults.aftermath import recover
from tests.faults.killed import CALLS
from tests.servers import PATIENCE, Install, Installation, Server, page_view

SENDERS = 2
SEEDS = 30 if os.environ.get("OWA_SOAK") else 1
SCHEDULED = {"OWA_SCHEDULER": "1", "OWA_DRAIN_INTERVAL": "1"}

Death = tuple[str, int]
"""A point, and the how many times it kills there."""


@dataclass
class Traffic:
    """Page views, each of a session of its own."""

    sent: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def send(self, server: Server) -> bool:
        """Send one; returns whether it was answered."""
        view = page_view()
        self.sent.append(view["owa_session_id"])
        try:
            answer = server.track(view)
        except (OSError, HTTPException):
            return False
        assert answer.status == 204
        self.accepted.append(view["owa_session_id"])
        return True

    def send_until_dead(self, server: Server) -> None:
        """From several senders at once."""
        deadline = time.monotonic() + PATIENCE

        def send_all() -> None:
            while self.send(server):
                assert time.monotonic() < deadline, "it does not die"

        with ThreadPoolExecutor(SENDERS) as senders:
            for sender in [senders.submit(send_all) for _ in range(SENDERS)]:
                sender.result()
        assert server.process.wait(PATIENCE) == -signal.SIGKILL, server.stderr


def kill_servers(installation: Installation, deaths: Sequence[Death]) -> Traffic:
    """Send events to several servers at once, each of which dies its own death, and then to one that lives."""
    traffic = Traffic()

    def kill(death: Death) -> None:
        point, number = death
        words = [point, str(number), "--", "pserve", "development.ini"]
        server = installation.fork(killed.run, words)
        traffic.send_until_dead(server)
        assert "Traceback" not in server.stderr, server.stderr

    with ThreadPoolExecutor(len(deaths)) as pool:
        list(pool.map(kill, deaths))
    with installation.serve() as server:
        for _ in range(5):
            assert traffic.send(server)
    return traffic


def assert_accepted_is_stored(installation: Installation, traffic: Traffic, deaths: int) -> None:
    """Of what was not answered, each sender had one event under way at a death."""
    recover(installation)
    stored = Counter(str(row["session_id"]) for row in installation.query("SELECT session_id FROM owa_request"))
    assert set(stored.values()) == {1}
    assert set(traffic.accepted) <= set(stored) <= set(traffic.sent)
    assert len(stored) - len(traffic.accepted) <= deaths * SENDERS
    sessions = installation.query("SELECT id, num_pageviews FROM owa_session")
    assert {str(row["id"]): row["num_pageviews"] for row in sessions} == dict(stored)
    assert installation.query("SELECT id FROM owa_queue_item WHERE status != 'handled'") == []


QUEUEING: list[Death] = [
    ("append:before-write", 5),
    ("append:locked", 5),
    ("append:after-write", 5),
    ("append:after-numbers", 5),
]


def test_servers_that_queue(queueing: Installation) -> None:
    traffic = kill_servers(queueing, QUEUEING)
    assert_accepted_is_stored(queueing, traffic, len(QUEUEING))


STORING: list[Death] = [
    ("write:after-handlers", 3),
    ("commit:before", 3),
    ("commit:after", 3),
]


def test_servers_that_store_at_once(storing: Installation) -> None:
    traffic = kill_servers(storing, STORING)
    assert_accepted_is_stored(storing, traffic, len(STORING))


DRAINING: list[Death] = [
    ("commit:before", 2),
    ("commit:after", 1),
]


def test_servers_that_drain_meanwhile(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="1", **SCHEDULED)
    traffic = kill_servers(installation, DRAINING)
    assert_accepted_is_stored(installation, traffic, len(DRAINING))


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("mode", ["0", "1"])
def test_servers_at_random_instants(install: Install, mode: str, seed: int) -> None:
    installation = install(OWA_QUEUE_EVENTS=mode, **SCHEDULED)
    chance = random.Random(seed)
    deaths = [(CALLS, chance.randrange(500, 8_000)) for _ in range(2)]
    traffic = kill_servers(installation, deaths)
    assert_accepted_is_stored(installation, traffic, len(deaths))
