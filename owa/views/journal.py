"""What became of the latest events: from the queues and the tables into one list."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from owa.analytics.recent import recent_page_views
from owa.clock import MICROSECONDS
from owa.db import counts
from owa.db.counts import Outcome
from owa.errors import DatabaseUnavailable, QueueUnavailable
from owa.events import Event
from owa.identity import NOT_SET
from owa.masking import brief
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.queues.contract import Kept, QueueStatus, State
from owa.queues.settings import QUEUE_EVENTS
from owa.settings import Settings
from owa.views.outcomes import MOST_SITES, Count, count_of
from owa.views.queue_lines import CAP, capped

if TYPE_CHECKING:
    from owa.app import Installation

SHOWN = 25

STATES = ("queued", "stored", "waiting", "retrying", "failed")
"""Of an event that is in several, the last one is shown: a page view is stored, whoever else is to be told of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event and its fate."""

    received_at: int
    guid: int
    site: str
    page: str
    title: str
    state: str
    next_step: str

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.received_at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Journal:
    lines: list[Line]
    counts: list[Count]
    incoming: QueueStatus
    processing: QueueStatus | None
    """None while the database is away."""
    outage: str
    unkept: str
    """Why events cannot be kept now; empty when they can."""

    def figure(self, name: str) -> str:
        """Of the processing queue, by what it is called."""
        return capped(self.processing.details[name], CAP) if self.processing else "–"


def journal(installation: "Installation") -> Journal:
    """The latest events, latest first, and the counts. Works with the database away."""
    settings = installation.configuration.current().settings
    incoming, processing = QueueStatus(0, None), None
    lines: dict[int, Line] = {}
    rows: list[Count] = []
    outage = unkept = ""
    try:
        installation.incoming.check()
    except QueueUnavailable as error:
        unkept = str(error)
    try:
        with installation.database.reading() as connection:
            for view in recent_page_views(connection, SHOWN):
                lines[view.guid] = Line(
                    view.received_at, view.guid, view.site_id, view.url, _shown(view.title), "stored", ""
                )
            for kept in installation.retries.latest(connection, SHOWN):
                line = _kept(kept)
                if line.guid not in lines or STATES.index(line.state) > STATES.index(lines[line.guid].state):
                    lines[line.guid] = line
            failed_sites = installation.retries.failed_kinds(connection, MOST_SITES).site_ids
            rows = [
                count_of(row, failed_sites) for row in counts.stored(connection) if row["outcome"] != Outcome.PROCESSED
            ]
            processing = installation.retries.glance(connection, CAP)
        incoming = installation.incoming.status()
    except DatabaseUnavailable as error:
        outage = str(error)
    for event in installation.incoming.latest(SHOWN) if not outage else []:
        lines.setdefault(event.guid, _queued(event, settings))
    latest = sorted(lines.values(), key=lambda line: (line.received_at, line.guid), reverse=True)
    return Journal(latest[:SHOWN], rows, incoming, processing, outage, unkept)


def _queued(event: Event, settings: Settings) -> Line:
    if settings[SCHEDULER]:
        next_step = f"Processed within {settings[DRAIN_INTERVAL]} s."
    elif settings[QUEUE_EVENTS]:
        next_step = "Waits for cron: python cli.py cmd=processEventQueue"
    else:
        next_step = "Kept while the database was busy; the next drain stores it."
    return _line(event, "queued", next_step)


def _kept(kept: Kept) -> Line:
    if kept.state is State.WAITING:
        return _line(kept.event, "waiting", "Its row is stored; its session's first page has not come yet.")
    if kept.state is State.QUEUED:
        return _line(kept.event, "queued", f"To be delivered to {kept.handler}.")
    told = brief(kept.error)
    error = f"{kept.handler}: {told}" if kept.handler and told else told
    if kept.state is State.FAILED:
        return _line(kept.event, "failed", error)
    return _line(kept.event, "retrying", error or "Due now.")


def _line(event: Event, state: str, next_step: str) -> Line:
    page, title = event.properties.get("page_url", ""), event.properties.get("page_title", "")
    return Line(event.received_at, event.guid, event.site_id, str(page), str(title), state, next_step)


def _shown(text: str) -> str:
    return "" if text == NOT_SET else text
