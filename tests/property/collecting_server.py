"""One of several collecting servers on one database: its own queue folder, clock and processor."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from owa.analytics.counting import count_facts
from owa.analytics.handlers import fact_handlers
from owa.clock import MICROSECONDS, FixedClock
from owa.contributions import INCOMING, ProcessingContext, QueueContext
from owa.db.engine import Database
from owa.db.metadata import METADATA
from owa.errors import HeldByAnother, Overtaken
from owa.events import Event
from owa.processing.drain import drain_events
from owa.processing.ledger import Ledger
from owa.processing.pause import Pause
from owa.processing.processor import Processor
from owa.processing.store import HandlerTable
from owa.queues.contract import Batch, EventQueue, Lease, RetryQueue, Source
from owa.registry import Registry
from owa.settings import Settings
from tests.families import located
from tests.page_views import Row, rows
from tests.schedules import SITES


@dataclass(frozen=True)
class Shared:
    """What all servers have in common."""

    database: Database
    retries: RetryQueue
    registry: Registry
    settings: Settings
    clock: FixedClock
    """The true time."""


@dataclass(frozen=True)
class OffClock:
    """A clock that is off by some seconds."""

    true: FixedClock
    seconds: float

    def now(self) -> int:
        return self.true.now() + round(self.seconds * MICROSECONDS)


@dataclass(frozen=True)
class Leased:
    """A batch, and how many batches of its queue had been settled when it was leased."""

    batch: Batch
    settled: int


class CollectingServer:
    """Takes events, and drains them step by step, so that several servers' steps can be mixed."""

    def __init__(self, number: int, folder: Path, shared: Shared, skew: float) -> None:
        self._shared = shared
        self._clock = OffClock(shared.clock, skew)
        self._handlers = HandlerTable(fact_handlers(shared.registry))
        self._context = QueueContext(INCOMING, shared.settings, shared.database, self._clock, folder)
        self._pause = Pause(folder / "drain.paused", self._clock)
        self._queue = self._open()
        self.processor = Processor(
            shared.database,
            self._handlers,
            shared.retries,
            self._processing_context,
            self._clock,
            number,
            self._pause,
            lambda events: self._queue.put(events),
        )
        self._drain = ExitStack()
        self._source: Source | None = None
        self._leased: Leased | None = None
        self._stale: list[Leased] = []
        self._settled = 0
        self._retrying: Lease | None = None

    @property
    def is_draining(self) -> bool:
        return self._source is not None

    @property
    def is_empty(self) -> bool:
        return self._queue.status().depth == 0

    def put(self, events: Sequence[Event]) -> None:
        self._queue.put(events)

    def restart(self) -> None:
        """A new process takes the events from now on."""
        self.abandon()
        self._queue.close()
        self._queue = self._open()

    def step(self, limit: int) -> None:
        """Begin a drain, lease a batch, or settle the one that is leased: one of the three."""
        if self._source is None:
            self._source = self._drain.enter_context(self._queue.drain())
        elif self._leased:
            leased, self._leased = self._leased, None
            self._settle(leased)
        elif batch := self._source.lease(limit):
            self._leased = Leased(batch, self._settled)
        else:
            self._end_drain()

    def abandon(self) -> None:
        """The drain dies, or is thought dead: what it had leased may yet be settled, late."""
        if self._leased:
            self._stale.append(self._leased)
            self._leased = None
        self._end_drain()

    def settle_stale(self) -> None:
        """A drain that was thought dead goes on."""
        if self._stale:
            self._settle(self._stale.pop())

    def drain(self, limit: int | None = None, *, judge_orphans: bool = False) -> None:
        """Drain as the product does; one drain at a time."""
        if self.is_draining:
            with pytest.raises(HeldByAnother):
                drain_events(self._queue, self.processor)
            return
        drained = drain_events(
            self._queue, self.processor, limit=limit, judge_orphans=judge_orphans, progress=self._note_settled
        )
        assert drained.outage is None

    def step_of_retry(self, limit: int) -> None:
        """Lease events of the processing queue, or settle those that are leased: by then they may be another's."""
        if self._retrying is None:
            self._retrying = self.processor.lease(limit)
            return
        lease, self._retrying = self._retrying, None
        before = self._all_rows()
        try:
            self.processor.settle_lease(lease)
        except Overtaken:
            assert self._all_rows() == before

    def begin_pause(self) -> None:
        """Something was away, and is there again."""
        self._pause.begin()

    def sweep(self) -> None:
        """In one process nothing comes unnoticed, so there is nothing to wake."""
        assert self.processor.sweep() == 0

    def verify_ledger(self) -> None:
        """Whatever is under way elsewhere: what this server took is somewhere."""
        if not self.is_draining:
            parts = (self._shared.database, self._queue, self._shared.retries, count_facts)
            assert [line for line in Ledger(*parts).verify(0) if line.drift] == []

    def finish(self) -> None:
        """End what is under way."""
        self.abandon()
        while self._stale:
            self.settle_stale()
        if self._retrying:
            self.step_of_retry(0)

    def close(self) -> None:
        self._drain.close()
        self._queue.close()

    def _settle(self, leased: Leased) -> None:
        if leased.settled == self._settled:
            self.processor.settle(leased.batch)
            self._settled += 1
            return
        before = self._all_rows()
        with pytest.raises(Overtaken):
            self.processor.settle(leased.batch)
        assert self._all_rows() == before

    def _note_settled(self, _entries: int) -> None:
        self._settled += 1

    def _end_drain(self) -> None:
        self._source = None
        self._drain.close()

    def _open(self) -> EventQueue:
        return self._shared.registry.queue_type(INCOMING).open(self._context)

    def _processing_context(self) -> ProcessingContext:
        return located(ProcessingContext(self._shared.settings, SITES, self._clock.now()))

    def _all_rows(self) -> dict[str, list[Row]]:
        return {name: rows(self._shared.database, table) for name, table in METADATA.tables.items()}
