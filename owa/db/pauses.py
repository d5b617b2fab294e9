"""What admins have paused: queues, whose drains then stop, and jobs, which the scheduler then leaves alone."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, Connection, String, Table, Text, delete, insert, select

from owa.clock import MICROSECONDS
from owa.db.metadata import METADATA

QUEUE, JOB = "queue", "job"

Paused = tuple[str, str]
"""(`QUEUE` or `JOB`, its name)."""

PAUSE = Table(
    "owa_pause",
    METADATA,
    Column("kind", String(16), primary_key=True),  # queue or job
    Column("name", String(64), primary_key=True),
    Column("paused_at", BigInteger, nullable=False),  # microseconds
    Column("paused_by", String(255), nullable=False),
    Column("note", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody's wish that a queue or a job stands still, on all servers."""

    kind: str
    """`QUEUE` or `JOB`."""
    name: str
    paused_at: int
    """Microseconds."""
    paused_by: str
    note: str = ""
    """Why, in his words."""

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.paused_at / MICROSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")
        why = f": {self.note}" if self.note else ""
        return f"{self.paused_by} has paused the {self.kind} {self.name} at {when} UTC{why}."


def pause(connection: Connection, wanted: Pause) -> bool:
    """Note it; False: it was paused before, which stays as it is."""
    if find(connection, wanted.kind, wanted.name):
        return False
    connection.execute(insert(PAUSE).values(asdict(wanted)))
    return True


def resume(connection: Connection, kind: str, name: str) -> Pause | None:
    """It goes on; returns what has ended. None: it was not paused."""
    found = find(connection, kind, name)
    connection.execute(delete(PAUSE).where(PAUSE.c.kind == kind, PAUSE.c.name == name))
    return found


def find(connection: Connection, kind: str, name: str) -> Pause | None:
    """None: it is not paused."""
    one = select(PAUSE).where(PAUSE.c.kind == kind, PAUSE.c.name == name)
    row = connection.execute(one).mappings().first()
    return Pause(**row) if row else None


def paused(connection: Connection) -> dict[Paused, Pause]:
    """All that is paused."""
    rows = connection.execute(select(PAUSE).order_by(PAUSE.c.kind, PAUSE.c.name)).mappings()
    return {(row["kind"], row["name"]): Pause(**row) for row in rows}
