"""Stores what handlers returned, each event's statements together with the note that it is done."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable

from owa.clock import Clock
from owa.contributions import PROCESSING, Statement
from owa.db import history
from owa.db.bulk import BulkStatement
from owa.db.engine import Database
from owa.db.limits import TooLong, Watch, watched
from owa.db.rehearsing import Rehearsed, rehearse
from owa.db.row_changes import RowChange, Values
from owa.delivery.blame import is_away
from owa.delivery.protocol import Failed, Message, Queueing, Stored, Storing
from owa.errors import Outage, Overtaken, told
from owa.queues.contract import Item, Lease, RetryQueue

TURN = 0.5
"""Seconds after which a transaction takes in no other event: somebody else may want to write."""


@dataclass(frozen=True, slots=True)
class Handled:
    """An event, and what its handler returned."""

    item: Item
    statements: tuple[Statement, ...]
    duration: int
    """Microseconds."""


class Store:
    """Settles handled events in short transactions."""

    def __init__(
        self, database: Database, retries: RetryQueue, clock: Clock, report: Callable[[Message], None]
    ) -> None:
        self._database = database
        self._retries = retries
        self._clock = clock
        self._report = report

    def settle(self, handled: Iterable[Handled], token: str) -> None:
        """Each is stored, or reported as failed: an event whose statements raise costs only itself. Raises `Overtaken`
        or `Outage`: then those that were not reported are as they were."""
        left = list(handled)
        while left:
            looked_at = self._settle_some(left, token)
            del left[:looked_at]

    def rehearse(self, statements: Iterable[Statement]) -> Rehearsed[Exception | None]:
        """What would come of these: the result is what they raise. Raises `TooLong`; `DatabaseUnavailable`."""

        def write(connection: Connection) -> Exception | None:
            try:
                with connection.begin_nested():
                    for statement in statements:
                        execute(connection, statement)
            except Exception as error:
                if is_away(error):
                    raise
                return error
            return None

        return rehearse(self._database, write)

    def _settle_some(self, handled: Sequence[Handled], token: str) -> int:
        """In one transaction; returns how many of them have been settled."""
        stored: list[Handled] = []
        problems: list[tuple[Handled, Exception]] = []
        current: Handled | None = None
        self._report(Queueing())
        try:
            with self._database.writing() as connection, watched(connection) as watch:
                self._retries.confirm(connection, Lease(tuple(one.item for one in handled), (), token))
                turn = time.monotonic() + TURN
                for current in handled:
                    try:
                        self._store(connection, current, watch)
                        stored.append(current)
                    except Exception as error:
                        if is_away(error) or isinstance(error, TooLong):
                            raise
                        problems.append((current, error))
                    if time.monotonic() > turn:
                        break
                current = None
                history.count_done(connection, PROCESSING, history.SHARED, len(stored))
        except (Overtaken, Outage):
            raise
        except TooLong as error:  # with it, the whole transaction may be gone
            assert current is not None
            return self._settle_around(handled, current, error, token)
        except Exception as error:  # at the commit: somebody's constraint that is checked late
            return self._settle_first(handled, error, token)
        self._report(Stored([one.item.key for one in stored]))
        for one, problem in problems:
            self._fail(one, problem)
        return len(stored) + len(problems)

    def _settle_around(self, handled: Sequence[Handled], culprit: Handled, error: Exception, token: str) -> int:
        """Those before the culprit; it fails."""
        self._fail(culprit, error)
        before = handled[: handled.index(culprit)]
        self.settle(before, token)
        return len(before) + 1

    def _settle_first(self, handled: Sequence[Handled], error: Exception, token: str) -> int:
        """The first one, alone."""
        if len(handled) > 1:
            return self._settle_some(handled[:1], token)
        self._fail(handled[0], error)
        return 1

    def _store(self, connection: Connection, one: Handled, watch: Watch) -> None:
        self._report(Storing(*one.item.key))
        try:
            with connection.begin_nested():
                now, handler = self._clock.now(), one.item.handler
                self._retries.done(connection, [one.item.event], now, handler=handler, duration=one.duration)
                watch.begin()
                for statement in one.statements:
                    execute(connection, statement)
                    if watch.is_over():
                        raise TooLong
        except Exception as error:
            if watch.is_over():
                raise TooLong from error
            raise
        finally:
            watch.end()

    def _fail(self, one: Handled, error: Exception) -> None:
        self._report(Failed(*one.item.key, *told(error), one.duration))


def execute(connection: Connection, statement: Statement) -> None:
    """Run one statement of a handler."""
    if isinstance(statement, tuple):
        bulk, rows = statement
        bulk.run(connection, rows)
    else:
        connection.execute(statement).close()


def plain(change: RowChange) -> dict[str, Any]:
    """A change as JSON has it."""

    def told(row: Values | None) -> Values | None:
        # a name is SQLAlchemy's own kind of text
        return row and {str(name): value if isinstance(value, _OF_JSON) else str(value) for name, value in row.items()}

    return {"table": change.table, "key": told(change.key), "before": told(change.before), "after": told(change.after)}


_OF_JSON = (str, int, float, type(None))


def checked(returned: object) -> tuple[Statement, ...]:
    """What a handler returned, all of it made. Raises `TypeError`."""
    if not isinstance(returned, Iterable):
        raise TypeError(f"it returned {returned!r:.100}: wants a list of statements, an empty one if there are none")
    statements = tuple(returned)
    for statement in statements:
        if not isinstance(statement, Executable) and not _is_bulk(statement):
            raise TypeError(f"it returned {statement!r:.100}: wants statements of SQLAlchemy")
    return statements


def _is_bulk(statement: object) -> bool:
    return isinstance(statement, tuple) and len(statement) == 2 and isinstance(statement[0], BulkStatement)
