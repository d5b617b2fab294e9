"""How much there is of what, and the latest of it."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import Connection, RowMapping, and_, case, func, literal_column, select

from owa.module_api import Kept, Key, QueueStatus, RecordError, Remaining, State, status_of
from owa.modules.database_queue.rows import BROKEN, HANDLED, UNHANDLED, kept_of, of_keys
from owa.modules.database_queue.table import QUEUE_ITEM

_WORSE = (State.QUEUED, State.RETRYING, State.FAILED)
"""States of deliveries, from good to bad."""

_STATE = case(
    (QUEUE_ITEM.c.status == BROKEN, State.FAILED.value),
    (QUEUE_ITEM.c.waits_for.is_not(None), State.WAITING.value),
    (and_(QUEUE_ITEM.c.handler != "", QUEUE_ITEM.c.failed_attempt_count == 0), State.QUEUED.value),
    else_=State.RETRYING.value,
).label("state")


class Figures:
    """For the admin and the ledger."""

    def status(self, connection: Connection) -> QueueStatus:
        oldest = select(func.min(QUEUE_ITEM.c.insertion_timestamp)).where(QUEUE_ITEM.c.status == UNHANDLED)
        due = oldest.where(QUEUE_ITEM.c.not_before_timestamp.is_not(None))
        status = status_of(self.unfinished(connection), connection.execute(oldest).scalar_one())
        return replace(status, oldest_due_at=connection.execute(due).scalar_one())

    def unfinished(self, connection: Connection) -> Counter[tuple[str, str, State]]:
        table = QUEUE_ITEM.c
        rows = select(table.handler, table.site_id, _STATE).where(table.status != HANDLED).subquery()
        statement = select(*rows.c, func.count()).group_by(*rows.c)
        return Counter({(row[0], row[1], State(row[2])): row[3] for row in connection.execute(statement)})

    def states(self, connection: Connection) -> Counter[tuple[int, str, State, Remaining]]:
        return self._states_of_the_core(connection) + self._states_of_deliveries(connection)

    def _states_of_the_core(self, connection: Connection) -> Counter[tuple[int, str, State, Remaining]]:
        table = QUEUE_ITEM.c
        mine = table.status != HANDLED, table.handler == ""
        rows = select(table.server, table.site_id, _STATE, table.remaining).where(*mine).subquery()
        statement = select(*rows.c, func.count()).group_by(*rows.c)
        return Counter(
            {(row[0], row[1], State(row[2]), Remaining(row[3])): row[4] for row in connection.execute(statement)}
        )

    def _states_of_deliveries(self, connection: Connection) -> Counter[tuple[int, str, State, Remaining]]:
        """Each event counts once, as its worst delivery is."""
        table = QUEUE_ITEM.c
        theirs = table.status != HANDLED, table.handler != ""
        worst = func.max(case(*((_STATE.element == state.value, bad) for bad, state in enumerate(_WORSE)))).label("bad")
        place = table.server, table.site_id, table.remaining
        events = select(*place, worst).where(*theirs).group_by(table.id, *place).subquery()
        statement = select(*events.c, func.count()).group_by(*events.c)
        return Counter(
            {(row[0], row[1], _WORSE[row[3]], Remaining(row[2])): row[4] for row in connection.execute(statement)}
        )

    def unfinished_among(self, connection: Connection, guids: Iterable[int], remaining: Remaining) -> set[int]:
        table, found = QUEUE_ITEM.c, set[int]()
        for mine in of_keys((guid, "") for guid in guids):
            unfinished = table.status != HANDLED, table.remaining == remaining.value
            found.update(connection.execute(select(table.id).where(mine, *unfinished)).scalars())
        return found

    def latest(self, connection: Connection, count: int) -> list[Kept]:
        place = _TABLE.insertion_timestamp, _TABLE.id, _TABLE.handler
        places: list[tuple[int, int, str]] = []
        for status in (UNHANDLED, BROKEN):  # of both at once, no index would lead to the last
            last = select(*place).where(_TABLE.status == literal_column(f"'{status}'"), _UNFINISHED)
            found = connection.execute(last.order_by(*(column.desc() for column in place)).limit(count))
            places += [(row[0], row[1], row[2]) for row in found]
        places = sorted(places, reverse=True)[:count]
        rows: dict[Key, RowMapping] = {}
        for mine in of_keys(key[1:] for key in places):
            found = connection.execute(select(QUEUE_ITEM).where(mine))
            rows |= {(row["id"], row["handler"]): row for row in found.mappings()}
        kept = []
        for _at, guid, handler in places:
            with suppress(RecordError):
                kept.append(kept_of(rows[guid, handler]))
        return kept


_TABLE = QUEUE_ITEM.c
_UNFINISHED = _TABLE.status != literal_column(f"'{HANDLED}'")
