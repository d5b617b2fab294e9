"""What `/metrics` tells, as of the moment at which it is asked."""

import time
from collections import Counter
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.analytics.counting import count_facts
from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import counts
from owa.db.counts import Outcome
from owa.errors import DatabaseUnavailable, HeldByAnother, Outage, QueueUnavailable
from owa.monitoring.depth import Depth
from owa.monitoring.exposition import Metric
from owa.processing.ledger import Ledger, drift_of
from owa.processing.verifying import keep_news
from owa.queues.contract import QueueStatus

if TYPE_CHECKING:
    from owa.app import Installation

GIVEN_UP = (Outcome.FAILED, Outcome.DISCARDED, Outcome.RESTORED)
"""Fates that the processing queue decides; all others are those of incoming events."""

QUICK = 0.5
"""Seconds that a verification of the ledger may take to be made for each scrape."""

MANY = 100_000
"""Processed events from which on the first verification is not waited for."""

SHARE = 100
"""A slow verification is good for so many times as long as it took."""

DRAIN_PATIENCE = 0.2
"""Seconds that it waits for a drain to end."""


class Metrics:
    """Of one process. Safe to share between threads."""

    def __init__(self, installation: "Installation") -> None:
        self._installation = installation
        self._drift = _Drift(installation)
        self._depth = Depth(installation)

    def collect(self) -> list[Metric]:
        """All of them; with the database away those that can be known."""
        opened = self._installation
        now = opened.clock.now()
        statuses: dict[str, QueueStatus] = {}
        events: Counter[tuple[str, str]] = Counter()
        refused: Counter[str] = Counter()
        with suppress(QueueUnavailable):
            statuses[INCOMING] = opened.incoming.status()
        with suppress(DatabaseUnavailable), opened.database.reading() as connection:
            statuses[PROCESSING] = self._depth.now(connection)
            events, refused = _counted(connection)
        return [
            Metric(
                "owa_queue_depth",
                "gauge",
                "Events that wait in the queue.",
                [({"queue": name}, status.depth) for name, status in statuses.items()],
            ),
            Metric(
                "owa_queue_oldest_seconds",
                "gauge",
                "How long the oldest of them has been in it; 0 when there is none.",
                [({"queue": name}, _age(status, now)) for name, status in statuses.items()],
            ),
            Metric(
                "owa_events_total",
                "counter",
                "Events by what became of them.",
                [({"queue": queue, "outcome": outcome}, number) for (queue, outcome), number in sorted(events.items())],
            ),
            Metric(
                "owa_refused_total",
                "counter",
                "Requests that became no event, by reason.",
                [({"reason": reason}, number) for reason, number in sorted(refused.items())],
            ),
            Metric(
                "owa_ledger_drift",
                "gauge",
                "Events that were taken and are nowhere, below 0; 0 when all is well.",
                [({}, drift) for drift in self._drift.now(events.total())],
            ),
        ]


class _Drift:
    """The ledger's drift: of this moment as long as that is cheap. Where it is not, it is verified in the background,
    so rarely that this costs a hundredth of a processor."""

    def __init__(self, installation: "Installation") -> None:
        self._installation = installation
        self._lock = Lock()
        self._thread: Thread | None = None
        self._last: int | None = None
        self._took = 0.0
        self._verified_at = float("-inf")

    def now(self, events: int) -> list[int]:
        """The drift; none while it is not known. `events`: how many have been counted."""
        with self._lock:
            quick = self._took <= QUICK if self._verified_at > float("-inf") else events < MANY
            if quick:
                self._verify()
            elif self._is_due() and not (self._thread and self._thread.is_alive()):
                self._thread = Thread(target=self._verify, name="owa-ledger", daemon=True)
                self._thread.start()
        return [] if self._last is None else [self._last]

    def _is_due(self) -> bool:
        return time.monotonic() - self._verified_at > SHARE * self._took

    def _verify(self) -> None:
        opened = self._installation
        began = time.monotonic()
        ledger = Ledger(opened.database, opened.incoming, opened.retries, count_facts)
        try:
            lines = ledger.verify(DRAIN_PATIENCE)
            self._last = drift_of(lines)
        except HeldByAnother:
            return  # what was found before is good for a while
        except (Outage, OSError):
            self._last = None
            return
        self._verified_at = time.monotonic()
        self._took = self._verified_at - began
        with suppress(Outage):  # the next time is soon
            keep_news(opened.database, opened.clock, lines, DRAIN_PATIENCE)


def _counted(connection: Connection) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Events by queue and outcome, and refusals by reason."""
    events: Counter[tuple[str, str]] = Counter()
    refused: Counter[str] = Counter()
    for row in counts.stored(connection):
        if row["outcome"] == Outcome.REFUSED:
            refused[row["reason"]] += row["count"]
        else:
            queue = PROCESSING if row["outcome"] in GIVEN_UP else INCOMING
            events[queue, row["outcome"]] += row["count"]
            if row["outcome"] == Outcome.RESTORED:  # the ledger's count of discards was lowered by them: no counter is
                events[queue, Outcome.DISCARDED] += row["count"]
    return events, refused


def _age(status: QueueStatus, now: int) -> float:
    return 0 if status.oldest_at is None else max(0, now - status.oldest_at) / MICROSECONDS
