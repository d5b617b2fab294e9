"""Which errors are the database's own trouble, what to call them, and what to do about them."""

import re

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from owa.errors import DatabaseUnavailable

_OUTAGE_STATES = (
    "08",  # no connection
    "25006",  # a standby, that only reads
    "25P03",  # ended by the server: idle for too long inside a transaction
    "25P04",  # the transaction took too long
    "28",  # not let in
    "3D",  # no such database
    "3F",  # no such schema
    "40",  # deadlock
    "42501",  # no right to the table
    "42703",  # no such column: not installed, or not updated
    "42P01",  # no such table
    "53",  # disk full, no memory, too many connections
    "55P03",  # locked for too long
    "57",  # shut down, restarted, cancelled
    "58",  # input or output error
    "XX",  # damaged
)
"""How PostgreSQL's codes (SQLSTATE) of errors begin that are no statement's fault."""

_REMEDIES = (
    (
        r"no such (table|column)|(relation|column) .*does not exist",
        "Run `python cli.py cmd=install`: it updates the tables, makes those that are missing, and says what it cannot "
        "mend.",
    ),
    (
        r"there is no file",
        "Put it back, or a backup of it; what is queued stays queued. `python cli.py cmd=install` would begin with an "
        "empty one.",
    ),
    (r"not a database|malformed", "The file is damaged: put a backup in its place. What is queued stays queued."),
    (r"locked|lock timeout|deadlock", "Another process has been writing for long; OWA tries again by itself."),
    (r"unable to open|readonly", "Let the user that runs OWA write to the data folder."),
    (
        r"authentication failed|no password|pg_hba|(role|database|schema) .*does not exist|resolve host",
        "Mend OWA_DATABASE_URL, or make what it names. What is queued stays queued.",
    ),
    (r"permission denied", "Let the user of OWA_DATABASE_URL own the tables. What is queued stays queued."),
)
_PATIENCE = "OWA tries again by itself; nothing is lost meanwhile."


def is_outage(error: Exception) -> bool:
    """Whether the database itself is in trouble: away, locked, full, damaged. Else the statement was at fault."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeout)
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or isinstance(state, str):
        return error.connection_invalidated or str(state).startswith(_OUTAGE_STATES)
    # SQLite says of a damaged file no more than "database error"
    return isinstance(error, OperationalError | InterfaceError | InternalError) or type(error) is DatabaseError


def explained(error: Exception) -> DatabaseUnavailable:
    """The outage, with what the driver says and a remedy."""
    reason = _reason(error)
    remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, reason)), _PATIENCE)
    return DatabaseUnavailable(f"The database is not available: {reason}.", remedy)


def _reason(error: BaseException) -> str:
    """The driver's first complaint: when a disk is full, SQLite rolls back, and the missing savepoint is no news."""
    first, cause = error, error.__context__
    while cause is not None:
        first = cause if isinstance(cause, DBAPIError) else first
        cause = cause.__context__
    driver = getattr(first, "orig", None) or first
    # PostgreSQL's one sentence, where there is one: the whole text shows the statement too
    said = getattr(getattr(driver, "diag", None), "message_primary", None) or str(driver)
    return " ".join(said.split()).rstrip(".")
