"""How the queues, the servers and the ledger are, for the admin."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.accounts.roles import Capability
from owa.accounts.users import User
from owa.clock import MICROSECONDS
from owa.db import counts, jobs
from owa.db import ledger as stored
from owa.db.jobs import Run
from owa.db.ledger import StoredLine
from owa.db.modules import processes
from owa.db.senders import senders
from owa.diagnosis import EVENTS, Verdict, diagnose
from owa.errors import DatabaseUnavailable
from owa.exchange.settings import SERVER_NUMBER
from owa.masking import brief
from owa.processing.verifying import JOB as VERIFY
from owa.queues.contract import QueueStatus
from owa.views.charts import Span
from owa.views.outcomes import MOST_SITES, Count, totals
from owa.views.queue_lines import CAP, QueueLine, age_of, away_line, lags, other_lines, own_line, shared_line
from owa.views.servers import SHOWN, ServerLine, own_servers, sending_servers

if TYPE_CHECKING:
    from owa.app import Installation
    from owa.views import Application

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
    servers: list[ServerLine] = field(default_factory=list)
    """Empty: the visitor may not see them."""
    ledger: LedgerPage | None = None
    counts: list[Count] = field(default_factory=list)
    generation: int = 0


def dashboard(application: "Application", user: User, span: Span) -> Dashboard:
    """All figures. Raises `DatabaseUnavailable`."""
    installation = application.installation
    incoming = installation.incoming.status()
    configuration = installation.configuration.current()
    server, now = configuration.settings[SERVER_NUMBER], installation.clock.now()
    handlers = {key for key, _handler in installation.registry.event_handlers}
    sees_all = user.may(Capability.EDIT_SITES)
    with installation.database.reading() as connection:
        processing = _of_sites(installation, connection, user)
        queues = [
            own_line(connection, incoming, server, span, now),
            shared_line(connection, processing, span if sees_all else None, now, handlers),
        ]
        others = other_lines(connection, server, span, now) if sees_all else []
        ages = lags(server, age_of(incoming, now), others)
        servers = _servers(connection, configuration.generation, ages, now) if sees_all else []
        ledger = _ledger(connection, user.sees)
        failed_sites = installation.retries.failed_kinds(connection, MOST_SITES).site_ids
        found = totals(counts.stored(connection), user.sees, failed_sites)
    told = _alarms(application, shows_events=user.may(Capability.EDIT_MODULES))
    return Dashboard([*queues, *others], told, servers, ledger, found, configuration.generation)


def dashboard_away(application: "Application", outage: DatabaseUnavailable) -> Dashboard:
    """What is known without the database."""
    installation = application.installation
    line = away_line(installation.incoming.status(), installation.clock.now())
    return Dashboard([line], _alarms(application, shows_events=False, outage=outage))


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


def _alarms(
    application: "Application", *, shows_events: bool, outage: DatabaseUnavailable | None = None
) -> list[Alarm]:
    """What is broken. `shows_events`: also what is told of single events, of whichever site."""
    diagnosis = diagnose(application.scene(outage=outage))
    told = [check for check in diagnosis.broken if shows_events or check.name != EVENTS]
    return [
        Alarm(brief(one.text), one.remedy) for check in told for one in check.findings if one.verdict is Verdict.BROKEN
    ]
