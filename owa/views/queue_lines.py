"""Each queue as the dashboard shows it: how full, how fast, until when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection

from owa.clock import MICROSECONDS
from owa.contributions import INCOMING, PROCESSING
from owa.db import history, jobs, pauses
from owa.db.history import MINUTE, SHARED, Sample
from owa.db.jobs import Run
from owa.db.pauses import Pause
from owa.diagnosis.words import moment
from owa.processing.forecast import WINDOW, Forecast, Outlook, Rates, forecast, rates
from owa.queues.contract import QueueStatus
from owa.views.charts import HOUR, Span, count
from owa.views.histories import History
from owa.views.histories import history as drawn

CAP = 10_000
"""Events that are counted one by one in the database."""

FRESH = 3
"""Minutes after which a sample says nothing about now."""

WAITS = "waits for other events"
"""The outlook of a queue in which all wait for what has not come."""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue."""

    name: str
    server: int
    title: str
    figures: dict[str, str]
    """By what they are called."""
    age: int | None
    """For how long the oldest event has been in it, in microseconds."""
    depth: int = 0
    waiting: int = 0
    """How many of them wait for other events."""
    last: Run | None = None
    """The last drain."""
    last_busy: Run | None = None
    """The last one that found something to do."""
    rates: dict[str, str] = field(default_factory=dict)
    """In and out; empty: they are not shown to everybody."""
    outlook: str = ""
    """What will become of it; empty: that is not shown to everybody."""
    history: History | None = None

    @property
    def key(self) -> str:
        """What tells it from the others on the page."""
        return self.name if self.title in TITLES.values() else f"{self.name}-{self.server}"


DELIVERY = "to "
"""How the figures of deliveries begin, before the event handler's key."""

TITLES = {INCOMING: "Incoming events", PROCESSING: "Waiting, failing and undelivered events"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a queue is not drained as things are."""

    waiting: int = 0
    """Events that wait for others."""
    undeliverable: int = 0
    """Whose event handler is off."""
    pause: Pause | None = None
    """Of the whole queue."""


def own_line(connection: Connection, status: QueueStatus, server: int, span: Span, now: int) -> QueueLine:
    """This server's incoming queue."""
    standing = Standing(pause=pauses.find(connection, pauses.QUEUE, INCOMING))
    return _line(connection, INCOMING, status, server, span, now, standing)


def shared_line(
    connection: Connection, status: QueueStatus, span: Span | None, now: int, handlers: Collection[str]
) -> QueueLine:
    """The queue that all share. `span`: None hides what is not of the visitor's sites alone. `handlers`: the event
    handlers that are on."""
    off = [key for key in status.details if key.startswith(DELIVERY) and key.removeprefix(DELIVERY) not in handlers]
    standing = Standing(
        status.details.get("waiting", 0),
        sum(status.details[key] for key in off),
        pauses.find(connection, pauses.QUEUE, PROCESSING),
    )
    return _line(connection, PROCESSING, status, SHARED, span, now, standing, CAP)


def other_lines(connection: Connection, own: int, span: Span, now: int) -> list[QueueLine]:
    """Incoming queues of other servers, as they were when they were looked at last."""
    found = history.latest(connection, INCOMING, now // MINUTE - span.minutes)
    return [_other(connection, sample, span, now) for sample in found if sample.server != own]


def away_line(status: QueueStatus, now: int) -> QueueLine:
    """This server's incoming queue, as far as it is known without the database."""
    return QueueLine(INCOMING, 0, TITLES[INCOMING], {"depth": f"{status.depth:,}"}, age_of(status, now), status.depth)


def age_of(status: QueueStatus, now: int) -> int | None:
    return None if status.oldest_at is None else max(0, now - status.oldest_at)


def lags(own: int, age: int | None, others: Sequence[QueueLine]) -> dict[int, int | None]:
    """For how long the oldest event of each server has been queued, where that is known."""
    return {line.server: line.age for line in others if "as of" not in line.figures} | {own: age}


def _line(
    connection: Connection,
    name: str,
    status: QueueStatus,
    server: int,
    span: Span | None,
    now: int,
    standing: Standing,
    cap: int = 0,
) -> QueueLine:
    job, of_server = ("drain", server) if name == INCOMING else ("retry", None)
    details = {key: value for key, value in status.details.items() if key != "segments"}
    found = _measured(connection, name, server, span, now) if span else None
    return QueueLine(
        name=name,
        server=server,
        title=TITLES[name],
        figures={key: capped(value, cap) for key, value in {"depth": status.depth, **details}.items()},
        age=age_of(status, now),
        depth=status.depth,
        waiting=standing.waiting,
        last=jobs.last(connection, job, server=of_server),
        last_busy=jobs.last(connection, job, server=of_server, busy=True),
        rates=_told(found[1]) if found else {},
        outlook=outlook(status.depth, standing, found[1], now) if found else "",
        history=found[0] if found else None,
    )


def _other(connection: Connection, sample: Sample, span: Span, now: int) -> QueueLine:
    drawing, found = _measured(connection, INCOMING, sample.server, span, now)
    standing = Standing(pause=pauses.find(connection, pauses.QUEUE, INCOMING))
    is_fresh = sample.minute >= now // MINUTE - FRESH
    at = datetime.fromtimestamp(sample.minute * 60, UTC)
    return QueueLine(
        name=INCOMING,
        server=sample.server,
        title=f"Incoming events of server {sample.server}",
        figures={"depth": f"{sample.depth:,}"} | ({} if is_fresh else {"as of": f"{at:%Y-%m-%d %H:%M}"}),
        age=None if sample.oldest_age is None else sample.oldest_age * MICROSECONDS,
        depth=sample.depth,
        last=jobs.last(connection, "drain", server=sample.server),
        rates=_told(found),
        outlook=outlook(sample.depth, standing, found, now),
        history=drawing,
    )


def _measured(connection: Connection, name: str, server: int, span: Span, now: int) -> tuple[History, Rates | None]:
    since = span.starts(now // MINUTE)[0] - 2 * span.step
    found = history.samples(connection, name, server, since, span.step)
    recent = found if span is HOUR else history.samples(connection, name, server, now // MINUTE - WINDOW)
    return drawn(found, span, now), rates(recent, now)


def _told(found: Rates | None) -> dict[str, str]:
    return {"in": _rate(found.taken), "out": _rate(found.done)} if found else {"in": "–", "out": "–"}


def _rate(value: float) -> str:
    return f"{count(value)}/min"


def outlook(depth: int, standing: Standing, found: Rates | None, now: int) -> str:
    """What will become of a queue, in words: of what is drained."""
    waiting, undeliverable, pause = standing.waiting, standing.undeliverable, standing.pause
    if pause:
        return f"paused since {moment(pause.paused_at)} UTC by {pause.paused_by}"
    if depth and depth == waiting:
        return WAITS
    drained = max(0, depth - waiting - undeliverable)
    rest = [f"{waiting:,} that wait for other events"] if waiting else []
    rest += [f"{undeliverable:,} whose event handler is off"] if undeliverable else []
    if depth and not drained:
        return f"stays: {' and '.join(rest)}"
    told = words(forecast(drained, found, now), now)
    return f"{told}, but for {' and '.join(rest)}" if rest else told


def words(found: Forecast, now: int) -> str:
    """A forecast for the eye."""
    if found.at is not None:
        at, today = (datetime.fromtimestamp(moment / MICROSECONDS, UTC) for moment in (found.at, now))
        return f"empty at {at:%H:%M}" if at.date() == today.date() else f"empty on {at:%Y-%m-%d at %H:%M}"
    return {
        Outlook.EMPTY: "empty",
        Outlook.GROWS: "grows: never at this rate",
        Outlook.STANDS: "not moving",
    }.get(found.outlook, "too little history")


def capped(value: int, cap: int) -> str:
    """A count, or that there are more."""
    return f"{cap:,}+" if cap and value >= cap else f"{value:,}"
