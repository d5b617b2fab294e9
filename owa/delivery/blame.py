"""Whose fault an error is that a module's handler or its statements raise: the event's, or that of something that is
away. `owa.db.outages` judges our own statements: if a table of ours is missing, OWA is not installed; if a table of a
module's is, the module is wrong."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from owa.db.outages import is_outage
from owa.errors import Outage

_THEIRS = {
    sqlite3.SQLITE_ERROR,  # no such table or column, bad SQL
    sqlite3.SQLITE_READONLY,  # it wants to write with a connection for reading
    sqlite3.SQLITE_INTERRUPT,  # it took too long
    sqlite3.SQLITE_AUTH,
}
_THEIR_STATES = (
    "25006",  # it wants to write with a connection for reading
    "42",  # no such table or column, no right to it, bad SQL
    "57014",  # it took too long
)


def is_away(error: BaseException) -> bool:
    """Whether something that the handler needs is away: then it is tried again, and counted as nobody's failure."""
    if isinstance(error, Outage):
        return True
    return isinstance(error, Exception) and is_outage(error) and not _is_theirs(error)


def _is_theirs(error: Exception) -> bool:
    driver = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(driver, sqlite3.Error):
        return getattr(driver, "sqlite_errorcode", 0) & 0xFF in _THEIRS
    return str(getattr(driver, "sqlstate", "")).startswith(_THEIR_STATES)
