"""What events wait for, and how long they will."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from owa.analytics import tracing
from owa.clock import MICROSECONDS
from owa.processing.settings import ORPHAN_SESSION_AGE
from owa.queues.contract import Awaited, AwaitedPlace, session_key, session_of_key
from owa.tracing.session import AMONG

if TYPE_CHECKING:
    from owa.app import Installation


@dataclass(frozen=True, slots=True)
class WaitingSession:
    """A session whose first page view has not come."""

    awaited: Awaited
    site_id: str
    session_id: int | None
    """None: what is waited for is no session."""
    until: int
    """When it is adopted or given up, in microseconds, if no queue is paused till then: by the next drain that comes to
    the end of the incoming queue."""


def waiting_sessions(
    installation: "Installation", limit: int, after: AwaitedPlace | None = None, identifier: int | None = None
) -> list[WaitingSession]:
    """The first `limit` sessions that events wait for, the longest awaited first; `after`: of those behind that place.
    `identifier`: those of that session or visitor, of which the `AMONG` longest awaited events are searched. Raises
    `DatabaseUnavailable`."""
    retries = installation.retries
    with installation.database.reading() as connection:
        if identifier is None:
            found = retries.awaited(connection, limit, after)
        else:
            keys = set()
            for session_id in (identifier, *tracing.sessions_of_visitor(connection, identifier, limit)):
                # what waits has left a row, which says of which site it is
                rows = tracing.events_of_session(connection, session_id, limit)
                keys |= {session_key(row.site_id, session_id) for row in rows}
            keys |= set(retries.awaited_by(connection, identifier, AMONG))
            found = sorted(retries.awaited_among(connection, sorted(keys)), key=lambda one: one.place)[:limit]
    age = installation.configuration.current().settings[ORPHAN_SESSION_AGE] * MICROSECONDS
    return [_session(one, age) for one in found]


def _session(awaited: Awaited, age: int) -> WaitingSession:
    site_id, session_id = session_of_key(awaited.key) or ("", None)
    return WaitingSession(awaited, site_id, session_id, awaited.since + age)
