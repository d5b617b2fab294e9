"""How the queues are, for the admin."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.contributions import INCOMING, PROCESSING
from owa.db import counts, jobs, pauses
from owa.db.jobs import Run
from owa.errors import HeldByAnother, Outage, QueueUnavailable
from owa.exchange.settings import SERVER_NUMBER
from owa.queues.contract import EventQueue, QueueStatus, status_of
from owa.views import alarms
from owa.views.alarms import Alarm
from owa.views.outcomes import Count, totals

if TYPE_CHECKING:
    from owa.app import Installation

Sees = Callable[[str], bool]
"""Whether the visitor may see the figures of a site."""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue."""

    name: str
    figures: dict[str, int]
    """By what they are called."""
    age: int | None
    """For how long the oldest event has been in it, in microseconds."""
    last: Run | None = None
    """The last drain."""
    last_busy: Run | None = None
    """The last one that found something to do."""


@dataclass(slots=True)
class Dashboard:
    """What the page shows."""

    queues: list[QueueLine]
    alarms: list[Alarm] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)


def dashboard(installation: "Installation", sees: Sees) -> Dashboard:
    """All figures. Raises `DatabaseUnavailable`."""
    incoming = installation.incoming.status()
    server = installation.configuration.current().settings[SERVER_NUMBER]
    now = installation.clock.now()
    with installation.database.reading() as connection:
        processing = _of_sites(installation, connection, sees)
        queues = [
            _line(connection, INCOMING, incoming, now, "drain", server),
            _line(connection, PROCESSING, processing, now, "retry", None),
        ]
        found = totals(counts.stored(connection), sees)
    return Dashboard(queues, _alarms(installation, queues, now), found)


def dashboard_away(installation: "Installation", outage: Outage) -> Dashboard:
    """What is known without the database."""
    status = installation.incoming.status()
    line = QueueLine(INCOMING, {"depth": status.depth}, _age(status, installation.clock.now()))
    problems = [*_unkept(installation), *_unhealthy(installation)]
    paused = alarms.stopped(INCOMING, None, installation.processor.pause.since())
    return Dashboard([line], [*problems, alarms.away(str(outage)), *([paused] if paused else [])])


def _line(connection: Connection, name: str, status: QueueStatus, now: int, job: str, server: int | None) -> QueueLine:
    """`server`: whose drains are its own; None: anybody's."""
    return QueueLine(
        name,
        {"depth": status.depth, **{key: value for key, value in status.details.items() if key != "segments"}},
        _age(status, now),
        jobs.last(connection, job, server=server),
        jobs.last(connection, job, server=server, busy=True),
    )


def _of_sites(installation: "Installation", connection: Connection, sees: Sees) -> QueueStatus:
    """The processing queue, as far as the visitor may see it."""
    unfinished = installation.retries.unfinished(connection)
    status = status_of(Counter({key: count for key, count in unfinished.items() if sees(key[1])}))
    return replace(status, oldest_at=installation.retries.status(connection).oldest_at if status.depth else None)


def _alarms(installation: "Installation", queues: list[QueueLine], now: int) -> list[Alarm]:
    settings = installation.configuration.current().settings
    found = [*_unkept(installation), *_unhealthy(installation)]
    with installation.database.reading() as connection:
        paused = pauses.paused(connection)
    for line in queues:
        if pause := paused.get((pauses.QUEUE, line.name)):
            found.append(alarms.held(pause))
            continue
        paused_since = installation.processor.pause.since() if line.name == INCOMING else None
        if stopped := alarms.stopped(line.name, line.last, paused_since):
            found.append(stopped)
        if line.figures.get("depth") == line.figures.get("waiting"):
            continue  # it waits for other events, not for a drain
        oldest_at = None if line.age is None else now - line.age
        if alarms.is_neglected(oldest_at, line.last, settings, now) and not _is_draining(installation.incoming):
            found.append(alarms.neglected(line.name, line.last, settings, now))
    return found


def _unkept(installation: "Installation") -> list[Alarm]:
    try:
        installation.incoming.check()
    except QueueUnavailable as error:
        return [alarms.unkept(str(error))]
    return []


def _unhealthy(installation: "Installation") -> list[Alarm]:
    return [alarms.unhealthy(finding) for finding in installation.health.problems()]


def _is_draining(queue: EventQueue) -> bool:
    """A long drain is recorded only when it ends."""
    try:
        with queue.drain():
            return False
    except HeldByAnother:
        return True
    except QueueUnavailable:
        return False


def _age(status: QueueStatus, now: int) -> int | None:
    return None if status.oldest_at is None else max(0, now - status.oldest_at)
