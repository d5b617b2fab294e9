"""Laws 1 to 3 over several servers: two collect, one relays, one processes; the network between them is bad, and each
of them is killed at random. In the end the rows are what a naive fold makes of the set of the events."""

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import pytest

from owa.app import Installation as Opened
from owa.app import open_installation
from owa.clock import SystemClock
from owa.db.configuration import add_site, store_switch
from owa.db.metadata import METADATA
from owa.db.modules import Switch
from owa.events import Event
from owa.testing.traffic import Plan, deliver
from tests.faults.aftermath import command
from tests.faults.processes import CONTEXT
from tests.faults.processes import command as run_command
from tests.faults.proxy import Fate, Proxy
from tests.page_views import rows
from tests.schedules import DOMAINS, SITES, ZONE, differences, fold
from tests.servers import Install, Installation, Server

SEEDS = 30 if os.environ.get("OWA_SOAK") else 2
EVENTS = 150
BURST = 15
KEY = "a key of sixteen characters, or more"
RELAY, PROCESSOR = 10, 11
"""Their numbers; the collecting servers have those of the events, 0 and 1."""
MOST_DRAINS = 60


@dataclass
class Receiving:
    """A server that takes batches, and may be killed."""

    installation: Installation
    proxy: Proxy
    """In front of it."""
    server: Server | None = field(default=None)

    def start(self) -> None:
        self.server = self.installation.serve()
        self.proxy.target = self.server.port

    def kill(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server = None


@contextmanager
def receiving(installation: Installation, chance: random.Random) -> Iterator[Receiving]:
    with Proxy(0, chance, badness=0.5) as proxy:
        found = Receiving(installation, proxy)
        found.start()
        yield found
        if found.server:
            found.server.stop()


def prepare(install: Install, number: int, endpoint: str = "", **variables: str) -> tuple[Installation, Opened]:
    """An installation that knows the sites; with an endpoint, one that forwards to it."""
    given = {"OWA_SCHEDULER": "0", "OWA_QUEUE_EVENTS": "1", "OWA_REMOTE_QUEUE_KEY": KEY, "OWA_TIMEZONE": ZONE}
    installation = install(**given, OWA_SERVER_NUMBER=str(number), OWA_REMOTE_QUEUE_ENDPOINT=endpoint, **variables)
    opened = open_installation(installation.environment(), {})
    with opened.database.writing() as connection:
        for domain in DOMAINS:
            add_site(connection, domain)
        if endpoint:
            store_switch(connection, "remote_queue", Switch.ON, "a test", SystemClock().now())
    opened.configuration.refresh()
    return installation, opened


@pytest.mark.parametrize("seed", range(SEEDS))
def test_rows_are_the_fold_of_what_all_servers_took(install: Install, seed: int) -> None:
    chance = random.Random(seed)
    plan = Plan(events=EVENTS, sites=tuple(SITES), seed=seed, servers=2, duplicates=0.2, nasty=0.3, skew=60.0)
    received = [delivery.event for delivery in deliver(plan)]
    orphans = {"OWA_ORPHAN_SESSIONS": "adopt", "OWA_ORPHAN_SESSION_AGE": "0"}
    with ExitStack() as stack:
        processor, processing = prepare(install, PROCESSOR, **orphans)
        last = stack.enter_context(receiving(processor, chance))
        relay, relaying = prepare(install, RELAY, last.proxy.url)
        middle = stack.enter_context(receiving(relay, chance))
        collectors = [prepare(install, number, middle.proxy.url) for number in range(2)]
        for opened in (processing, relaying, *(opened for _, opened in collectors)):
            stack.enter_context(closing(opened))
        forwarders = [*(installation for installation, _ in collectors), relay]
        disturb(chance, received, [opened for _, opened in collectors], [*forwarders, processor], [middle, last])
        for found in (middle, last):
            found.proxy.badness = 0.0
        for installation in (*forwarders, processor):
            drain_to_the_end(installation)
        expected = fold(received, adopt=True)
        for name, table in expected.rows.items():
            assert differences(rows(processing.database, METADATA.tables[name]), table) == [], name
        assert (middle.proxy.fates + last.proxy.fates).keys() - {Fate.PASSED}, "the network was good"
    for installation in (*forwarders, processor):
        ledger = command(installation, "cmd=verify-ledger", "format=json")
        assert (ledger.status, ledger.json["drift"]) == (0, 0), ledger.out


def disturb(
    chance: random.Random,
    received: Sequence[Event],
    collectors: Sequence[Opened],
    installations: Sequence[Installation],
    servers: Sequence[Receiving],
) -> None:
    """Put the events while all forward and drain; kill some of those who do, and of the servers."""
    for start in range(0, len(received), BURST):
        for event in received[start : start + BURST]:
            collectors[event.server].incoming.put([event])
        installation = chance.choice(installations)
        words = ["cmd=processEventQueue", f"limit={chance.randint(1, 60)}"]
        drain = CONTEXT.Process(target=run_command, args=(words, installation.environment()))
        drain.start()
        drain.join(chance.uniform(0.3, 2.0))
        if drain.is_alive():
            drain.kill()
        drain.join()
        victim = chance.choice(servers)
        if chance.random() < 0.3:
            if victim.server:
                victim.kill()
            else:
                victim.start()
    for server in servers:
        if server.server is None:
            server.start()


def drain_to_the_end(installation: Installation) -> None:
    for _ in range(MOST_DRAINS):
        done = command(installation, "cmd=processEventQueue")
        if done.status == 0:
            return
    raise AssertionError(done)
