"""Drains a queue: leases batches and settles them, until it is empty."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from owa.contributions import INCOMING, PROCESSING
from owa.db.pauses import Pause
from owa.errors import Outage, Overtaken
from owa.processing.processor import RESUME_LIMIT, Processor
from owa.processing.report import Report
from owa.queues.contract import EventQueue

BATCH = 2_000
"""Events of a batch: on SQLite, larger ones gain little and hold the write lock longer."""


@dataclass(slots=True)
class Drained:
    """The outcome of a drain of one queue."""

    report: Report = field(default_factory=Report)
    seconds: float = 0.0
    outage: Outage | None = None
    """Why it stopped early: something is away. Nothing was failed for it."""
    paused: Pause | None = None
    """Why it stopped early: somebody wants it."""


Progress = Callable[[int], None]
"""Called after each batch with how many entries it had."""


def drain_events(
    queue: EventQueue,
    processor: Processor,
    *,
    limit: int | None = None,
    wait: float = 0.0,
    judge_orphans: bool = True,
    progress: Progress = lambda _count: None,
) -> Drained:
    """Drain `queue`, at most `limit` entries. Raises `HeldByAnother` when another drain keeps it for `wait` seconds.

    Sessions that a batch opens have their waiting events finished before the next batch. When the queue is empty, what
    has waited for too long is dealt with (`judge_orphans`): only then has it waited in vain. When an admin pauses the
    queue, it ends before the next batch.
    """
    drained = Drained()
    started, since = time.monotonic(), processor.now()
    left = limit
    try:
        with queue.drain(wait) as source:
            while left is None or left > 0:
                if pause := processor.paused(INCOMING):
                    processor.account_for_outage(pause.paused_at)
                    drained.paused = pause
                    break
                with _collecting_later():
                    batch = source.lease(BATCH if left is None else min(BATCH, left))
                    try:
                        report = processor.settle(batch) if batch else None
                    except Overtaken:
                        continue
                if batch is None or report is None:
                    if judge_orphans:
                        judged = processor.judge_orphans()
                        drained.report.add(judged)
                        if judged.woken:
                            _finish_woken(processor, drained.report, since)
                    break
                drained.report.add(report)
                if report.woken:
                    _finish_woken(processor, drained.report, since)
                left = None if left is None else left - batch.size
                progress(batch.size)
    except Outage as outage:
        drained.outage = outage
        processor.pause.begin()
    drained.seconds = time.monotonic() - started
    return drained


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Without the collector of cyclic garbage: all of a batch lives until its end, and has no cycles. It would look at
    everything again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def drain_retries(
    processor: Processor,
    *,
    limit: int | None = None,
    force: bool = False,
    sweep: bool = False,
    progress: Progress = lambda _count: None,
) -> Drained:
    """Drain the processing queue of what is due, until an admin pauses it. `force`: each failing event is tried once,
    whatever its back-off.
    `sweep`: look first for events whose key has come unnoticed."""
    drained = Drained()
    started, since = time.monotonic(), processor.now()
    left = RESUME_LIMIT if limit is None else limit
    try:
        processor.free_leases()
        if sweep:
            processor.sweep()
        while left > 0:
            drained.paused = processor.paused(PROCESSING)
            if drained.paused:
                break
            report = processor.retry(left, attempted_before=since if force else None, since=since)
            if not report.events:
                break
            drained.report.add(report)
            progress(report.events)
            left = left if limit is None else left - report.events
    except Outage as outage:
        drained.outage = outage
    drained.seconds = time.monotonic() - started
    return drained


def _finish_woken(processor: Processor, report: Report, since: int) -> None:
    """Events that waited for what was just opened are finished in the same drain."""
    while (finished := processor.retry(since=since)).events:
        report.add(finished)
