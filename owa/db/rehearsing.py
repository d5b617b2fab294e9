"""What would come of writing something: it is written, looked at, and rolled back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from owa.db.engine import Database
from owa.db.limits import TooLong, watched
from owa.db.row_changes import RowChange, RowWatch

PATIENCE = 1.0
"""Seconds that it waits for its turn to write: what waits behind it are drains."""

LONGEST = 2.0
"""Seconds that its statements may take."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rehearsed(Generic[T]):
    """What was found out."""

    result: T
    """What the writer gave back."""
    changes: list[RowChange]
    has_more: bool
    """Whether more rows would be changed."""


class _RolledBack(Exception):
    """Ends the transaction."""


def rehearse(database: Database, write: Callable[[Connection], T]) -> Rehearsed[T]:
    """Nothing is changed. Raises what `write` raises; `TooLong`; `DatabaseUnavailable`."""
    try:
        with database.writing(PATIENCE) as connection, watched(connection, LONGEST) as watch:
            rows = RowWatch(connection)
            watch.begin()
            try:
                result = write(connection)
                if watch.is_over():
                    raise TooLong(LONGEST)
            except Exception as error:
                if not watch.is_over():
                    raise
                raise TooLong(LONGEST) from error
            finally:
                watch.end()
            rehearsed = Rehearsed(result, *rows.changes(database))
            raise _RolledBack
    except _RolledBack:
        return rehearsed
