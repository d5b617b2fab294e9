"""What is stored of modules: whether somebody switched them on or off, and their last failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import orjson
from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Text, select, update

from owa.db.bulk import dialect_insert
from owa.db.metadata import METADATA

MODULE = Table(
    "owa_module",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("switch", String(16)),  # NULL: nobody has touched it
    Column("switched_at", BigInteger),  # microseconds
    Column("switched_by", String(255)),
    Column("failures", Integer, nullable=False, default=0),  # since it last worked
    Column("failed_at", BigInteger),
    Column("last_error", Text),
    Column("last_trace", Text),
    Column("subscriptions", Text),  # JSON: by event type, a list of MODULE:NAME
)

PROCESS = Table(
    "owa_process",
    METADATA,
    Column("name", String(255), primary_key=True),
    Column("server", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("broken", Text, nullable=False),  # names of modules that do not work there
    Column("seen_at", BigInteger, nullable=False),  # microseconds
    Column("version", String(64)),
    Column("mode", String(16)),
    Column("skew", BigInteger),  # microseconds that its clock is behind the database's; NULL: not measured
)


LIMIT = 5
"""Failures in a row after which a module is switched off."""


class Switch(StrEnum):
    """What somebody chose for a module."""

    ON = "on"
    OFF = "off"
    DRAINING = "draining"
    """Off, but what its queue still holds is processed."""
    HANDING_OVER = "handing-over"
    """Off, and what its queue still holds is moved to the queue that follows it."""
    PARKED = "parked"
    """Off, and what its queue holds stays where it is."""
    TRIPPED = "tripped"
    """Off by the circuit breaker, but what its queue still holds is processed."""


@dataclass(frozen=True, slots=True)
class StoredModule:
    """What is stored of a module."""

    name: str
    switch: Switch | None
    switched_at: int | None
    """Microseconds, as `failed_at`."""
    switched_by: str
    failures: int
    failed_at: int | None
    last_error: str
    last_trace: str

    @property
    def is_failing(self) -> bool:
        """Whether the circuit breaker would switch it off."""
        return self.failures >= LIMIT


@dataclass(frozen=True, slots=True)
class Process:
    """A process that serves the web, and which configuration it has applied."""

    name: str
    server: int
    generation: int
    broken: str
    seen_at: int
    """Microseconds, by its own clock."""
    version: str | None = None
    """Of OWA."""
    mode: str | None = None
    """`asynchronous` or `synchronous`."""
    skew: int | None = None
    """Microseconds that its clock is behind the database's; None: nobody can tell."""


def switches(connection: Connection) -> dict[str, Switch]:
    """What somebody chose, by module."""
    chosen = select(MODULE.c.name, MODULE.c.switch).where(MODULE.c.switch.is_not(None))
    return {name: Switch(switch) for name, switch in connection.execute(chosen)}


Subscriptions = Mapping[str, tuple[str, ...]]
"""By event type, the event handlers that want to be given it, as `MODULE:NAME`."""


def subscriptions(connection: Connection) -> dict[str, Subscriptions]:
    """What the event handlers of modules wanted when they were last seen, by module."""
    known = select(MODULE.c.name, MODULE.c.subscriptions).where(MODULE.c.subscriptions.is_not(None))
    return {
        name: {event_type: tuple(handlers) for event_type, handlers in orjson.loads(text).items()}
        for name, text in connection.execute(known)
    }


def store_subscriptions(connection: Connection, name: str, wanted: Subscriptions) -> None:
    """Keep what the event handlers of a module want."""
    _merge(connection, name, {"subscriptions": orjson.dumps(wanted).decode() if wanted else None})


def stored_modules(connection: Connection) -> dict[str, StoredModule]:
    """By name."""
    return {
        row["name"]: StoredModule(
            name=row["name"],
            switch=Switch(row["switch"]) if row["switch"] else None,
            switched_at=row["switched_at"],
            switched_by=row["switched_by"] or "",
            failures=row["failures"],
            failed_at=row["failed_at"],
            last_error=row["last_error"] or "",
            last_trace=row["last_trace"] or "",
        )
        for row in connection.execute(select(MODULE)).mappings()
    }


def switch_module(connection: Connection, name: str, switch: Switch, by: str, now: int) -> None:
    """The caller raises the configuration's generation. What it failed at is forgotten when it is switched on."""
    values = {"switch": switch.value, "switched_at": now, "switched_by": by}
    if switch is Switch.ON:
        values |= {"failures": 0}
    _merge(connection, name, values)


def note_failures(connection: Connection, name: str, failures: int, error: str, trace: str, now: int) -> None:
    """Keep the last error of a module, and how often it has failed in a row."""
    _merge(connection, name, {"failures": failures, "failed_at": now, "last_error": error, "last_trace": trace})


def note_process(connection: Connection, process: Process) -> None:
    """Note what a process has applied."""
    values = {
        "server": process.server,
        "generation": process.generation,
        "broken": process.broken,
        "seen_at": process.seen_at,
        "version": process.version,
        "mode": process.mode,
        "skew": process.skew,
    }
    insert = dialect_insert(connection.dialect.name)(PROCESS).values(name=process.name, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))


def processes(connection: Connection, since: int) -> list[Process]:
    """Those that were seen at or after that moment, by server and name."""
    seen = select(PROCESS).where(PROCESS.c.seen_at >= since).order_by(PROCESS.c.server, PROCESS.c.name)
    return [Process(**row) for row in connection.execute(seen).mappings()]


def forget_processes(connection: Connection, before: int) -> int:
    """Delete those that were not seen since."""
    return connection.execute(PROCESS.delete().where(PROCESS.c.seen_at < before)).rowcount


def _merge(connection: Connection, name: str, values: Mapping[str, object]) -> None:
    insert = dialect_insert(connection.dialect.name)(MODULE).values(name=name, failures=0).on_conflict_do_nothing()
    connection.execute(insert)
    connection.execute(update(MODULE).where(MODULE.c.name == name).values(values))
