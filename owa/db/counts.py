"""How many events met which fate, per server and site: the figures behind the ledger and the admin's pages.

Counts are raised in the transaction that stores the effects, so they are as exact as the tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, case, select

from owa.db.bulk import BulkStatement, bound
from owa.db.tables import EVENT_COUNT


class Outcome(StrEnum):
    """The fate of an event, or something that happened to it on the way."""

    PROCESSED = "processed"
    FORWARDED = "forwarded"
    """Sent to another server. The reason is `unconfirmed` when that one acknowledges nothing."""
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    FAILED = "failed"
    DISCARDED = "discarded"
    """Given up by an admin after it had failed. The reason is what remained to be done for it."""
    RESTORED = "restored"
    """Not a fate: a discard was undone. The event counts as discarded no more."""
    QUARANTINED = "quarantined"
    COERCED = "coerced"
    """Not a fate: a value of the wrong type became NULL."""


@dataclass(slots=True)
class Tally:
    """Counts gathered in memory, to be added to the stored ones in one statement."""

    _counts: dict[tuple[int, str, str, str], list[Any]] = field(default_factory=dict)

    def add(
        self,
        outcome: Outcome,
        *,
        server: int,
        site_id: str,
        at: int,
        reason: str = "",
        detail: str = "",
        times: int = 1,
    ) -> None:
        """Count `times` events. `at`: when, in microseconds; the detail of the latest one is kept."""
        row = self._counts.setdefault((server, site_id, outcome.value, reason), [0, -1, ""])
        row[0] += times
        if at >= row[1]:
            row[1:] = [at, detail]

    def total(self, outcome: Outcome) -> int:
        return sum(row[0] for key, row in self._counts.items() if key[2] == outcome.value)

    def store(self, connection: Connection) -> None:
        """Add the gathered counts to the stored ones."""
        _ADD.run(
            connection,
            [
                {
                    "server": server,
                    "site_id": site_id,
                    "outcome": outcome,
                    "reason": reason,
                    "count": count,
                    "last_at": last_at,
                    "last_detail": detail,
                }
                for (server, site_id, outcome, reason), (count, last_at, detail) in sorted(self._counts.items())
            ],
        )


def stored(connection: Connection) -> Iterator[RowMapping]:
    """All stored counts, as rows of `owa_event_count`."""
    yield from connection.execute(select(EVENT_COUNT).order_by(*EVENT_COUNT.primary_key)).mappings()


def _build(insert: Any) -> Any:
    statement = bound(insert(EVENT_COUNT), EVENT_COUNT.columns.keys())
    new, old = statement.excluded, EVENT_COUNT.c
    later = new.last_at >= old.last_at
    return statement.on_conflict_do_update(
        index_elements=list(EVENT_COUNT.primary_key),
        set_={
            "count": old.count + new.count,
            "last_at": case((later, new.last_at), else_=old.last_at),
            "last_detail": case((later, new.last_detail), else_=old.last_detail),
        },
    )


_ADD = BulkStatement(_build)
