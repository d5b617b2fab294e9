"""What became of the latest events: from the queues and the tables into one list."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from owa.analytics.recent import recent_page_views
from owa.clock import MICROSECONDS
from owa.db import counts
from owa.db.counts import Outcome
from owa.errors import DatabaseUnavailable, QueueUnavailable
from owa.events import Event, RefusalReason
from owa.identity import NOT_SET
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.queues.contract import Kept, QueueStatus, State
from owa.settings import Settings
from owa.tracking.settings import QUEUE_EVENTS

if TYPE_CHECKING:
    from owa.app import Installation

SHOWN = 25

REMEDIES = {
    RefusalReason.UNREGISTERED_SITE: "Register the site with cmd=add-site, or correct the site id in the page's tag.",
    RefusalReason.BAD_SITE_ID: "The page's tag sends no site id: paste the tag anew.",
    RefusalReason.BAD_VISITOR_ID: "The sender is no OWA tracker: ids are 1 to 19 digits.",
    RefusalReason.BAD_SESSION_ID: "The sender is no OWA tracker: ids are 1 to 19 digits.",
    RefusalReason.UNKNOWN_EVENT_TYPE: "No module that is switched on takes events of this type.",
    RefusalReason.FILTERED: "A module refused it. Which one and why is in the detail.",
    RefusalReason.ROBOT: "Robots are not tracked. To track them, set OWA_LOG_ROBOTS=1.",
    RefusalReason.EXCLUDED_ADDRESS: "The visitor's address is in OWA_EXCLUDED_IPS.",
    RefusalReason.DO_NOT_LOG: "The page asked not to be tracked.",
    RefusalReason.URL_TOO_LONG: "Send long events in a POST body.",
    RefusalReason.BODY_TOO_LONG: "Bodies may have 64 KB.",
    RefusalReason.TOO_MANY_PARAMETERS: "Requests may have 300 parameters.",
    RefusalReason.MALFORMED_REQUEST: "The sender does not speak HTTP well.",
}


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
class Count:
    """How often something happened, why, and what to do about it."""

    outcome: str
    reason: str
    site: str
    count: int
    detail: str
    next_step: str


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
                lines[kept.event.guid] = _kept(kept)
            rows = [_count(row) for row in counts.stored(connection) if row["outcome"] != Outcome.PROCESSED]
            processing = installation.retries.status(connection)
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
    if kept.state is State.FAILED:
        return _line(kept.event, "failed", kept.error)
    return _line(kept.event, "retrying", kept.error or "Due now.")


def _line(event: Event, state: str, next_step: str) -> Line:
    page, title = event.properties.get("page_url", ""), event.properties.get("page_title", "")
    return Line(event.received_at, event.guid, event.site_id, str(page), str(title), state, next_step)


def _shown(text: str) -> str:
    return "" if text == NOT_SET else text


def _count(row: Any) -> Count:
    outcome, reason = row["outcome"], row["reason"]
    next_step = ""
    if outcome == Outcome.REFUSED and reason in list(RefusalReason):
        next_step = REMEDIES[RefusalReason(reason)]
    elif outcome == Outcome.QUARANTINED:
        next_step = "Bytes in a queue file that are no event: look at them in the quarantine folder."
    elif outcome == Outcome.COERCED:
        next_step = "The value had the wrong type and was stored as NULL."
    elif outcome == Outcome.DUPLICATE:
        next_step = "Had been stored before; nothing was changed."
    return Count(outcome, reason, row["site_id"], row["count"], row["last_detail"], next_step)
