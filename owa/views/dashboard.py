"""How the queues are, for the admin."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.contributions import INCOMING, PROCESSING
from owa.db import counts, jobs
from owa.db.jobs import Run
from owa.diagnosis import EVENTS, Verdict, diagnose
from owa.errors import DatabaseUnavailable
from owa.exchange.settings import SERVER_NUMBER
from owa.queues.contract import QueueStatus, status_of
from owa.views.outcomes import Count, totals

if TYPE_CHECKING:
    from owa.app import Installation
    from owa.views import Application

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


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is broken, and what mends it."""

    title: str
    text: str


@dataclass(slots=True)
class Dashboard:
    """What the page shows."""

    queues: list[QueueLine]
    alarms: list[Alarm] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)


def dashboard(application: "Application", sees: Sees, *, shows_events: bool) -> Dashboard:
    """All figures. `shows_events`: see `_alarms`. Raises `DatabaseUnavailable`."""
    installation = application.installation
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
    return Dashboard(queues, _alarms(application, shows_events=shows_events), found)


def dashboard_away(application: "Application", outage: DatabaseUnavailable) -> Dashboard:
    """What is known without the database."""
    installation = application.installation
    status = installation.incoming.status()
    line = QueueLine(INCOMING, {"depth": status.depth}, _age(status, installation.clock.now()))
    return Dashboard([line], _alarms(application, shows_events=False, outage=outage))


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


def _alarms(
    application: "Application", *, shows_events: bool, outage: DatabaseUnavailable | None = None
) -> list[Alarm]:
    """What is broken. `shows_events`: also what is told of single events, of whichever site."""
    diagnosis = diagnose(application.scene(outage=outage))
    told = [check for check in diagnosis.broken if shows_events or check.name != EVENTS]
    return [Alarm(one.text, one.remedy) for check in told for one in check.findings if one.verdict is Verdict.BROKEN]


def _age(status: QueueStatus, now: int) -> int | None:
    return None if status.oldest_at is None else max(0, now - status.oldest_at)
