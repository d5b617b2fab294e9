"""Moves events from a queue that is switched off to the one that follows it."""

from collections import Counter

from owa.clock import Clock
from owa.db import receipts
from owa.db.engine import WRITE_PATIENCE, Database
from owa.events import Event
from owa.processing.fates import Fates, note_receipts
from owa.processing.report import Report
from owa.processing.store import Stored
from owa.queues.contract import Batch, EventQueue


class HandOver:
    """Moves batches. Killed between its two steps, an event is in both queues; its guid makes the second time
    harmless, and the ledger balances: it was taken twice, and is a duplicate once."""

    def __init__(self, database: Database, fates: Fates, clock: Clock) -> None:
        self._database = database
        self._fates = fates
        self._clock = clock
        self._put: set[int] = set()
        """Guids of what was put, and could not be settled: a database that is locked for long must not fill a disk."""

    def move(self, batch: Batch, successor: EventQueue) -> Report:
        """Put the batch's events into `successor`, then acknowledge the batch; what is no event is counted here. Raises
        `QueueUnavailable`, `DatabaseUnavailable` or `Overtaken`: then the batch comes again."""
        events = [entry for entry in batch.entries if isinstance(entry, Event)]
        if new := [event for event in events if event.guid not in self._put]:
            successor.put(new)
        self._put.update(event.guid for event in events)
        report = self._settle(batch, events)
        self._put.clear()
        return report

    def _settle(self, batch: Batch, events: list[Event]) -> Report:
        report = Report(moved=len(events))
        with self._database.writing(WRITE_PATIENCE) as connection:
            self._fates.count_others(connection, batch, report, self._clock.now())
            note_receipts(connection, batch, Stored())
            for (server, site_id), count in sorted(Counter((event.server, event.site_id) for event in events).items()):
                receipts.take(connection, server, site_id, -count)  # the other queue says that it was taken
            batch.acknowledge(connection)
        return report
