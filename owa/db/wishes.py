"""Which jobs somebody wants now whose runner is another process than the one that was asked."""

from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, delete, insert, select

from owa.db.metadata import METADATA

EVERYWHERE = 0
"""In the place of a server's number: the job has one runner altogether."""

WISH = Table(
    "owa_job_wish",
    METADATA,
    Column("job", String(64), primary_key=True),
    Column("server", Integer, primary_key=True),  # 0: of all
    Column("wished_at", BigInteger, nullable=False),  # microseconds
)


@dataclass(frozen=True, slots=True)
class Wish:
    """That a job runs now."""

    job: str
    server: int
    """Whose runner is meant; `EVERYWHERE`: there is but one."""
    wished_at: int
    """Microseconds."""


def wish(connection: Connection, wanted: Wish) -> None:
    """Note it, once."""
    grant(connection, wanted)
    connection.execute(insert(WISH).values(asdict(wanted)))


def wishes(connection: Connection, server: int) -> list[Wish]:
    """What is wished of this server's processes."""
    found = connection.execute(select(WISH).where(WISH.c.server.in_((EVERYWHERE, server))).order_by(WISH.c.wished_at))
    return [Wish(**row) for row in found.mappings()]


def grant(connection: Connection, granted: Wish) -> None:
    """It is wished no more."""
    connection.execute(delete(WISH).where(WISH.c.job == granted.job, WISH.c.server == granted.server))
