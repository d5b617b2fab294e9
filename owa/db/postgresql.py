"""How transactions begin on PostgreSQL: one writer at a time, readers on a snapshot (docs/adr/0007-one-writer.md)."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, event

DRIVER = "postgresql+psycopg"

WRITER = 5_199_681
"""The advisory lock of the one writer: the bytes of "OWA". Such locks are the database's, whatever its schema."""

ABANDONED_AFTER = 60.0
"""Seconds after which the server ends a writer that does nothing: its process is stopped, or its machine is gone."""

_CONNECTION = {
    "fallback_application_name": "owa",
    "connect_timeout": 5,
    # a server that vanishes is noticed in a minute, not in the system's two hours
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Defaults of the driver's parameters; the URL may say otherwise."""

_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def options(url: URL) -> dict[str, Any]:
    """For `create_engine`. A connection that the server has closed meanwhile is replaced before it is used."""
    arguments = {name: value for name, value in _CONNECTION.items() if name not in url.query}
    return {"pool_pre_ping": True, "connect_args": arguments}


def prepare(engine: Engine) -> None:
    """A transaction that writes takes the writer's lock at its start."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        chosen = connection.get_execution_options()
        connection.exec_driver_sql(_write(chosen["owa_patience"]) if chosen.get("owa_write") else _READ)


def _write(patience: float) -> str:
    """One message to the server. Each later statement sees what was committed before the lock was taken."""
    return (
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;"
        f"SET LOCAL lock_timeout = {max(1, round(patience * 1000))};"
        f"SET LOCAL idle_in_transaction_session_timeout = {round(ABANDONED_AFTER * 1000)};"
        f"SELECT pg_advisory_xact_lock({WRITER})"
    )


def clock_of(connection: Connection) -> int | None:
    """What the server's clock says, in microseconds since the epoch; None: it is no PostgreSQL, and has none of its
    own."""
    if connection.dialect.name != "postgresql":
        return None
    seconds = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    return int(connection.exec_driver_sql(seconds).scalar_one())


def limit_statements(seconds: float) -> str:
    """Ends each later statement of a transaction that takes longer."""
    return f"SET LOCAL statement_timeout = {round(seconds * 1000)}"
