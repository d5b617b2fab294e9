"""One event: where it is, and what it has left."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from owa.accounts import audit
from owa.accounts.audit import Change
from owa.analytics import tracing
from owa.analytics.tracing import Dimension, SessionState, StoredRow
from owa.db import counts, pauses
from owa.db.counts import Outcome
from owa.db.pauses import Pause, Paused
from owa.db.senders import Sender, senders
from owa.events import Event
from owa.queues.contract import Attempt, Remaining, Sought, State, Trail
from owa.tracking.guids import server_of

if TYPE_CHECKING:
    from owa.app import Installation

SEARCHED = 2 << 20
"""Bytes of queue files in which an event is looked for: where its moment leads to, if there are more."""

AUDITED = 20_000
"""Entries of the audit trail in which it is looked for."""

SHOWN = 20


@dataclass(slots=True)
class EventTrace:
    """All that is known of an event here."""

    guid: int
    server: int
    """That has taken it, as its guid says."""
    at: int
    """When that was, in microseconds: to the second, where only the guid tells."""
    sought: Sought
    """What came of looking for it in this server's incoming queue."""
    trails: list[Trail]
    rows: list[StoredRow]
    dimensions: list[Dimension]
    session: SessionState | None
    changes: list[Change]
    sender: Sender | None
    """The server that has taken it, if that sends its events here."""
    event: Event | None = None
    pauses: dict[Paused, Pause] = field(default_factory=dict)
    """What an admin has paused."""
    counted: dict[str, int] = field(default_factory=dict)
    """How many events of its server and site were duplicates, refused, and so on: single ones are not known."""
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    """That failed, by what the trails are called: in their order, also where a later one has not."""

    @property
    def is_known(self) -> bool:
        return bool(self.event or self.trails or self.rows)

    @property
    def is_stored(self) -> bool:
        """Whether the core is done with it, also with its part in its session."""
        core = self.core
        return bool(self.rows) and (core is None or core.state is None)

    @property
    def core(self) -> Trail | None:
        """What the processing queue knows of its part for the core."""
        return next((trail for trail in self.trails if not trail.handler), None)

    @property
    def deliveries(self) -> list[Trail]:
        return [trail for trail in self.trails if trail.handler]

    @property
    def left_at(self) -> int | None:
        """When it came from the incoming queue into the processing queue; None: nobody has noted that."""
        return self.core.inserted_at if self.core else self.stored_at

    @property
    def stored_at(self) -> int | None:
        """When its rows were written, if something else tells: its deliveries began then."""
        if self.core and self.core.state is None and self.core.remaining is Remaining.EVERYTHING:
            return self.core.finished_at
        return min((trail.inserted_at for trail in self.deliveries), default=None) if self.rows else None

    @property
    def is_delivered(self) -> bool:
        """Whether each event handler that is to have it has had it, or has failed."""
        return all(trail.state in (None, State.FAILED) or trail.attempts > 0 for trail in self.deliveries)

    @property
    def site_id(self) -> str:
        """Empty: it is not known."""
        return self.event.site_id if self.event else self.rows[0].site_id if self.rows else ""

    @property
    def session_id(self) -> int | None:
        return self.event.session_id if self.event else self.rows[0].session_id if self.rows else None

    @property
    def visitor_id(self) -> int | None:
        return self.event.visitor_id if self.event else self.rows[0].visitor_id if self.rows else None


def trace_event(installation: "Installation", guid: int) -> EventTrace:
    """Follow the event of a guid. Raises `DatabaseUnavailable`."""
    # first where it comes from, then where it goes to: one that moves meanwhile is seen twice, and not missed
    sought = installation.incoming.find(guid, SEARCHED)
    server = server_of(guid)
    with installation.database.reading() as connection:
        trails = installation.retries.trails(connection, guid)
        rows = tracing.rows_of(connection, guid)
        trace = EventTrace(
            guid,
            server,
            tracing.second_of(guid),
            sought,
            trails,
            rows,
            tracing.dimensions_of(connection, guid),
            None,
            audit.about(connection, str(guid), AUDITED, SHOWN),
            next((sender for sender in senders(connection) if sender.server == server), None),
        )
        trace.attempts = {
            trail.handler: installation.retries.attempts(connection, (guid, trail.handler))[::-1] for trail in trails
        }
        trace.pauses = pauses.paused(connection)
        trace.event = sought.event or next((trail.event for trail in trails if trail.event), None)
        if trace.event or rows:
            trace.at = trace.event.received_at if trace.event else rows[0].at
        if trace.session_id is not None:
            trace.session = tracing.session_of(connection, trace.site_id, trace.session_id)
        for row in counts.stored(connection):
            if row["server"] == server and row["site_id"] == trace.site_id and row["outcome"] in _UNNAMED:
                trace.counted[row["outcome"]] = trace.counted.get(row["outcome"], 0) + row["count"]
    return trace


_UNNAMED = (Outcome.DUPLICATE, Outcome.REFUSED, Outcome.FORWARDED, Outcome.QUARANTINED)
"""Fates of which only a count is kept."""
