"""Events of a session, or of a visitor, in their order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from owa.analytics import tracing
from owa.analytics.tracing import SessionState
from owa.queues.contract import Awaited, RetryQueue, session_key, session_of_key

if TYPE_CHECKING:
    from owa.app import Installation

MOST = 200
"""Events of each kind that are listed of a session."""

SESSIONS = 20
"""Of a visitor."""

AMONG = 1_000
"""Events that have waited longest, among which those of a visitor are looked for."""


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event that has left a row."""

    guid: int
    at: int
    """Microseconds."""
    table: str
    site_id: str
    is_entry: bool
    """Whether it is the one that its session begins with."""


@dataclass(frozen=True, slots=True)
class SessionTrace:
    """What is known of a session id."""

    session_id: int
    states: list[SessionState]
    """Of the open sessions of that id, as a rule one."""
    awaited: list[Awaited]
    """What waits for it."""
    events: list[KnownEvent]
    is_cut: bool
    """There are more events than are listed."""

    @property
    def is_known(self) -> bool:
        return bool(self.states or self.awaited or self.events)


def trace_session(installation: "Installation", session_id: int) -> SessionTrace:
    """Raises `DatabaseUnavailable`."""
    with installation.database.reading() as connection:
        return _session(connection, installation.retries, session_id)


def trace_visitor(installation: "Installation", visitor_id: int) -> list[SessionTrace]:
    """His sessions, as far as they are found: his latest ones that are open, his first, and those that events wait for
    which are among the `AMONG` that have waited longest. Raises `DatabaseUnavailable`."""
    with installation.database.reading() as connection:
        found = set(tracing.sessions_of_visitor(connection, visitor_id, SESSIONS))
        keys = installation.retries.awaited_by(connection, visitor_id, AMONG)
        found |= {session[1] for key in keys if (session := session_of_key(key))}
        traces = [_session(connection, installation.retries, session_id) for session_id in sorted(found)]
    return [trace for trace in traces if trace.is_known]


def _session(connection: Connection, retries: RetryQueue, session_id: int) -> SessionTrace:
    states = tracing.sessions_named(connection, session_id)
    entries = {state.entry_guid for state in states}
    rows = tracing.events_of_session(connection, session_id, MOST + 1)
    known = {row.site_id for row in rows} | {state.site_id for state in states}
    awaited = retries.awaited_among(connection, [session_key(site_id, session_id) for site_id in sorted(known)])
    events = [KnownEvent(row.key, row.at, row.table, row.site_id, row.key in entries) for row in rows]
    return SessionTrace(session_id, states, awaited, events[:MOST], len(events) > MOST)
