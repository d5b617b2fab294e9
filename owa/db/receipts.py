"""What was taken: the last number of each writer, for each site, of which processing has seen the record.

Numbers count up without gaps, so their sum over the writers is what was taken, whatever was lost on the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, case, delete, select

from owa.db.bulk import BulkStatement, bound
from owa.db.metadata import METADATA

RECEIPT = Table(
    "owa_receipt",
    METADATA,
    Column("writer", String(64), primary_key=True),
    Column("server", Integer, primary_key=True),
    Column("site_id", String(255), primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
)

DIRECT = ""
"""The writer of what came through no queue that numbers its records."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far one writer's records of one site were seen."""

    writer: str
    server: int
    site_id: str
    last_sequence: int


def see(connection: Connection, receipts: Iterable[Receipt]) -> None:
    """Note numbered records, in the transaction that stores their effects."""
    _SEE.run(connection, [_row(receipt) for receipt in sorted(receipts, key=_key)])


def take(connection: Connection, server: int, site_id: str, count: int) -> None:
    """Note `count` entries that carry no numbers; below 0: so many go on to where they are numbered anew."""
    _TAKE.run(connection, [_row(Receipt(DIRECT, server, site_id, count))])


def retire(connection: Connection, writer: str) -> None:
    """The writer is no more, and all its records were seen: keep the sum only."""
    own = RECEIPT.c.writer == writer
    for server, site_id, last in connection.execute(
        select(RECEIPT.c.server, RECEIPT.c.site_id, RECEIPT.c.last_sequence).where(own)
    ).all():
        take(connection, server, site_id, last)
    connection.execute(delete(RECEIPT).where(own))


def seen(connection: Connection) -> list[Receipt]:
    """All receipts."""
    return [Receipt(*row) for row in connection.execute(select(RECEIPT))]


def _key(receipt: Receipt) -> tuple[str, int, str]:
    return receipt.writer, receipt.server, receipt.site_id


def _row(receipt: Receipt) -> dict[str, Any]:
    return {
        "writer": receipt.writer,
        "server": receipt.server,
        "site_id": receipt.site_id,
        "last_sequence": receipt.last_sequence,
    }


def _merge(assign: Any) -> BulkStatement:
    def build(insert: Any) -> Any:
        statement = bound(insert(RECEIPT), RECEIPT.columns.keys())
        return statement.on_conflict_do_update(
            index_elements=list(RECEIPT.primary_key),
            set_={"last_sequence": assign(statement.excluded.last_sequence, RECEIPT.c.last_sequence)},
        )

    return BulkStatement(build)


_SEE = _merge(lambda new, old: case((new > old, new), else_=old))
_TAKE = _merge(lambda new, old: old + new)
