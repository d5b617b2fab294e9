"""How the queues, the servers and the ledger are, for the admin."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.accounts.roles import Capability
from owa.accounts.users import User
from owa.clock import MICROSECONDS
from owa.contributions import INCOMING
from owa.db import counts, jobs
from owa.db import ledger as stored
from owa.db.jobs import Run
from owa.db.ledger import StoredLine
from owa.db.modules import processes
from owa.db.senders import senders
from owa.errors import HeldByAnother, Outage, QueueUnavailable
from owa.exchange.settings import SERVER_NUMBER
from owa.processing.verifying import JOB as VERIFY
from owa.queues.contract import EventQueue, QueueStatus
from owa.views import alarms
from owa.views.alarms import Alarm
from owa.views.charts import Span
from owa.views.outcomes import Count, totals
from owa.views.queue_lines import CAP, QueueLine, age_of, away_line, lags, other_lines, own_line, shared_line
from owa.views.servers import SHOWN, ServerLine, own_servers, sending_servers

if TYPE_CHECKING:
    from owa.app import Installation

Sees = Callable[[str], bool]
"""Whether the visitor may see the figures of a site."""


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """What the last verification has found."""

    lines: list[StoredLine]
    verified_at: int | None
    """Microseconds; None: nobody has verified it so far."""
    last: Run | None
    """The last verification, also one that failed."""


@dataclass(slots=True)
class Dashboard:
    """What the page shows."""

    queues: list[QueueLine]
    alarms: list[Alarm] = field(default_factory=list)
    servers: list[ServerLine] = field(default_factory=list)
    """Empty: the visitor may not see them."""
    ledger: LedgerPage | None = None
    counts: list[Count] = field(default_factory=list)
    generation: int = 0


def dashboard(installation: "Installation", user: User, span: Span) -> Dashboard:
    """All figures. Raises `DatabaseUnavailable`."""
    incoming = installation.incoming.status()
    configuration = installation.configuration.current()
    server, now = configuration.settings[SERVER_NUMBER], installation.clock.now()
    sees_all = user.may(Capability.EDIT_SITES)
    with installation.database.reading() as connection:
        processing = _of_sites(installation, connection, user)
        queues = [
            own_line(connection, incoming, server, span, now),
            shared_line(connection, processing, span if sees_all else None, now),
        ]
        others = other_lines(connection, server, span, now) if sees_all else []
        ages = lags(server, age_of(incoming, now), others)
        servers = _servers(connection, configuration.generation, ages, now) if sees_all else []
        ledger = _ledger(connection, user.sees)
        found = totals(counts.stored(connection), user.sees)
    told = [*_alarms(installation, queues, now), *_of_servers(servers), *_of_ledger(ledger)]
    return Dashboard([*queues, *others], told, servers, ledger, found, configuration.generation)


def dashboard_away(installation: "Installation", outage: Outage) -> Dashboard:
    """What is known without the database."""
    line = away_line(installation.incoming.status(), installation.clock.now())
    problems = [*_unkept(installation), *_unhealthy(installation)]
    paused = alarms.stopped(INCOMING, None, installation.processor.pause.since())
    return Dashboard([line], [*problems, alarms.away(str(outage)), *([paused] if paused else [])])


def _of_sites(installation: "Installation", connection: Connection, user: User) -> QueueStatus:
    """The processing queue, as far as the visitor may see it."""
    sites = None if user.may(Capability.EDIT_SITES) else sorted(user.sites)
    return installation.retries.glance(connection, CAP, sites)


def _servers(connection: Connection, generation: int, ages: dict[int, int | None], now: int) -> list[ServerLine]:
    own = own_servers(processes(connection, now - SHOWN * MICROSECONDS), generation, ages, now)
    return [*own, *sending_servers(senders(connection), now)]


def _ledger(connection: Connection, sees: Sees) -> LedgerPage:
    last = jobs.last(connection, VERIFY)
    lines = stored.stored_lines(connection)
    at = lines[0].verified_at if lines else last.started_at if last and last.result == jobs.DONE else None
    return LedgerPage([line for line in lines if sees(line.site_id)], at, last)


def _alarms(installation: "Installation", queues: list[QueueLine], now: int) -> list[Alarm]:
    settings = installation.configuration.current().settings
    found = [*_unkept(installation), *_unhealthy(installation)]
    for line in queues:
        paused_since = installation.processor.pause.since() if line.name == INCOMING else None
        if stopped := alarms.stopped(line.name, line.last, paused_since):
            found.append(stopped)
        if line.depth == line.waiting:
            continue  # it waits for other events, not for a drain
        oldest_at = None if line.age is None else now - line.age
        if alarms.is_neglected(oldest_at, line.last, settings, now) and not _is_draining(installation.incoming):
            found.append(alarms.neglected(line.name, line.last, settings, now))
    return found


def _of_servers(servers: list[ServerLine]) -> list[Alarm]:
    return [alarms.skewed(line.number, line.skew) for line in servers if line.skew and "clock is off" in line.problems]


def _of_ledger(ledger: LedgerPage) -> list[Alarm]:
    drifts = [line.figures.get("drift", 0) for line in ledger.lines]
    wrong = [drift for drift in drifts if drift]
    return [alarms.drift(wrong, ledger.verified_at)] if wrong else []


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
