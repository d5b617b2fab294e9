"""Law 3 in real processes: while five collecting servers take events, `processEventQueue` drains them in several
processes at once, and the tables are what a naive fold makes of the set of the events."""

import os
import random
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess

import pytest

from owa.app import Installation as Opened
from owa.app import open_installation
from owa.db.configuration import add_site
from owa.events import Event
from owa.queues.contract import State
from tests.faults.processes import CONTEXT, command
from tests.schedules import DOMAINS, LATE, SERVERS, ZONE, assert_converged, fold, traffic
from tests.servers import Install, Installation

SEEDS = 5 * (20 if os.environ.get("OWA_SOAK") else 1)
EVENTS = 180
BURST = 10
"""Events that come between the starts of two drains."""
PROCESSES = 4
"""Drains at once."""


@dataclass(frozen=True)
class Server:
    """A collecting server: a queue folder on the shared database."""

    number: int
    installation: Installation

    @property
    def environment(self) -> dict[str, str]:
        folder = self.installation.folder / f"server-{self.number}"
        return {"OWA_SERVER_NUMBER": str(self.number), "OWA_ASYNC_LOG_DIR": str(folder)}

    def open(self) -> Opened:
        return open_installation(self.installation.environment(**self.environment), {})

    def start_drain(self, *words: str) -> ForkServerProcess:
        variables = self.installation.environment(**self.environment)
        process = CONTEXT.Process(target=command, args=(["cmd=processEventQueue", *words], variables))
        process.start()
        return process


@pytest.mark.parametrize("seed", range(SEEDS))
def test_tables_are_the_fold_of_what_all_servers_took(install: Install, seed: int) -> None:
    chance = random.Random(seed)
    adopt = seed % 2 == 0
    # nobody's clock can be moved: sessions are adopted as soon as a queue is empty, or left waiting
    orphans = {"OWA_ORPHAN_SESSIONS": "adopt", "OWA_ORPHAN_SESSION_AGE": "0"} if adopt else {}
    installation = install(OWA_SCHEDULER="0", OWA_TIMEZONE=ZONE, **orphans)
    assert installation.cli("cmd=activate", "module=domstream").status == 0
    servers = [Server(number, installation) for number in SERVERS]
    received = [delivery.event for delivery in traffic(seed, EVENTS, families=True)]
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(server.open())) for server in servers]
        with opened[0].database.writing() as connection:
            for domain in DOMAINS:
                add_site(connection, domain)
        drains = take_and_drain(chance, servers, opened, received)
        assert {drain.exitcode for drain in drains} <= {0, 75}, drains
        drain = installation.cli("cmd=processEventQueue", **chance.choice(servers).environment)
        assert (drain.status, drain.err) == (0, "")
        assert_converged(
            opened[0].database, opened[0].retries, received, fold(received, adopt=adopt), unfinished=State.WAITING
        )
        assert [queue.incoming.status().depth for queue in opened] == [0] * len(opened)
    ledger = installation.cli("cmd=verify-ledger", "format=json", **chance.choice(servers).environment)
    assert (ledger.status, ledger.json["drift"]) == (0, 0), ledger
    assert sum(line["took"] for line in ledger.json["lines"]) == len(received)


def take_and_drain(
    chance: random.Random, servers: Sequence[Server], opened: Sequence[Opened], received: Sequence[Event]
) -> list[ForkServerProcess]:
    """Put the events while drains run, those of the late server last; then drain each folder. The drains, ended."""
    late = [event for event in received if event.server == LATE]
    others = [event for event in received if event.server != LATE]
    drains: list[ForkServerProcess] = []
    for start in range(0, len(others), BURST):
        put(opened, others[start : start + BURST])
        drains.append(chance.choice(servers).start_drain(*random_words(chance)))
        under_way = [drain.sentinel for drain in drains if drain.is_alive()]
        if len(under_way) == PROCESSES:
            wait(under_way)
    put(opened, late)
    drains += [server.start_drain() for server in servers]
    for drain in drains:
        drain.join()
    return drains


def put(opened: Sequence[Opened], events: Sequence[Event]) -> None:
    for event in events:
        opened[event.server].incoming.put([event])


def random_words(chance: random.Random) -> list[str]:
    """`wait=0` with one queue: whoever comes second gives up."""
    words = [f"limit={chance.randint(1, 60)}"]
    return [*words, "wait=0", "queues=incoming_tracking_events"] if chance.random() < 0.4 else words
