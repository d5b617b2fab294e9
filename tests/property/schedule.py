"""A schedule: several collecting servers whose puts, drains, retries and accidents come in random order."""

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from owa.clock import MICROSECONDS
from owa.events import Event
from owa.testing.traffic import Delivery
from tests.property.collecting_server import CollectingServer, Shared
from tests.schedules import SERVERS

ORPHAN_AGE = 600
"""Seconds: the late server's events come long after."""

SKEW = 300.0
"""Seconds by which a server's clock may be off, either way."""

Act = Callable[[CollectingServer], object]


class Schedule:
    """The same seed makes the same schedule."""

    def __init__(self, seed: int, deliveries: Sequence[Delivery], shared: Shared, folder: Path) -> None:
        self._random = random.Random(seed)
        self._clock = shared.clock
        self._coming = list(reversed(deliveries))
        self._arrived: set[int] = set()
        self._servers = [
            CollectingServer(number, folder / str(number), shared, self._random.uniform(-SKEW, SKEW))
            for number in SERVERS
        ]
        self._burst = max(1, len(deliveries) // self._random.choice((3, 6, 12)))
        self._batch = self._random.choice((2, 10, 50))

    def run(self) -> None:
        """Until all events have come, and everything is drained and finished."""
        with ExitStack() as stack:
            for server in self._servers:
                stack.enter_context(closing(server))
            acts = self._acts()
            while self._coming:
                (act,) = self._random.choices(list(acts), list(acts.values()))
                act(self._random.choice(self._servers))
            self._finish()

    def _acts(self) -> dict[Act, float]:
        """What may happen to a server, and how often."""
        return {
            self._arrive: 7,
            lambda server: server.step(self._up_to(self._batch)): 20,
            lambda server: server.drain(self._up_to(self._batch), judge_orphans=self._random.random() < 0.3): 1,
            lambda server: server.processor.retry(self._up_to(self._batch)): 2,
            lambda server: server.step_of_retry(self._up_to(self._batch)): 3,
            lambda server: server.processor.judge_orphans(): 1,
            CollectingServer.sweep: 0.5,
            CollectingServer.abandon: 2,
            CollectingServer.settle_stale: 2,
            CollectingServer.restart: 0.3,
            CollectingServer.begin_pause: 0.2,
            CollectingServer.verify_ledger: 0.5,
        }

    def _arrive(self, _server: CollectingServer) -> None:
        """The next events come, each to the server that collected it."""
        for _ in range(self._up_to(self._burst)):
            if self._coming:
                self._deliver(self._coming.pop())

    def _deliver(self, delivery: Delivery) -> None:
        now = self._clock.now() / MICROSECONDS
        self._clock.move(max(0.0, delivery.arrives_at - now))
        self._receiver(delivery.event).put([delivery.event])
        self._arrived.add(delivery.event.guid)

    def _receiver(self, event: Event) -> CollectingServer:
        """A repetition may come to another server: somebody has put a copied file there."""
        is_elsewhere = event.guid in self._arrived and self._random.random() < 0.1
        return self._servers[self._random.choice(SERVERS) if is_elsewhere else event.server]

    def _finish(self) -> None:
        for server in self._shuffled():
            server.finish()
        for server in self._shuffled():
            server.drain(judge_orphans=True)
        self._clock.move(86_400)  # long after the last orphan's time has come, that of pauses included
        self._finish_woken()
        self._random.choice(self._servers).sweep()
        for server in self._shuffled():  # each has its own pauses to account for
            server.processor.judge_orphans()
        self._finish_woken()
        assert all(server.is_empty for server in self._servers)
        self._random.choice(self._servers).verify_ledger()  # with nothing on the way, they all show the same

    def _finish_woken(self) -> None:
        while self._random.choice(self._servers).processor.retry(self._up_to(self._batch)).events:
            pass

    def _shuffled(self) -> list[CollectingServer]:
        return self._random.sample(self._servers, len(self._servers))

    def _up_to(self, most: int) -> int:
        return self._random.randint(1, most)
