"""What the last verification of the ledger has found: to verify may take long, so it is kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, String, Table, delete, insert, select

from owa.db.metadata import METADATA

LEDGER_LINE = Table(
    "owa_ledger_line",
    METADATA,
    Column("server", Integer, primary_key=True, autoincrement=False),
    Column("site_id", String(255), primary_key=True),
    Column("figures", LargeBinary, nullable=False),  # JSON
    Column("verified_at", BigInteger, nullable=False),  # microseconds
)


@dataclass(frozen=True, slots=True)
class StoredLine:
    """The ledger of one server and site, as it was verified last."""

    server: int
    site_id: str
    """Empty: all unknown sites."""
    figures: Mapping[str, int]
    """By what they are called; `drift` is 0 when all is well."""
    verified_at: int
    """Microseconds."""


def store_lines(connection: Connection, lines: Iterable[StoredLine]) -> None:
    """Keep these instead of those before."""
    connection.execute(delete(LEDGER_LINE))
    rows = [
        {
            "server": line.server,
            "site_id": line.site_id,
            "figures": orjson.dumps(dict(line.figures)),
            "verified_at": line.verified_at,
        }
        for line in lines
    ]
    if rows:
        connection.execute(insert(LEDGER_LINE), rows)


def stored_lines(connection: Connection) -> list[StoredLine]:
    """By server and site."""
    found = connection.execute(select(LEDGER_LINE).order_by(LEDGER_LINE.c.server, LEDGER_LINE.c.site_id))
    return [StoredLine(server, site_id, orjson.loads(figures), at) for server, site_id, figures, at in found]
