"""Failed events: columns and indexes to search them by, every attempt, and the acts on all that match."""

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from owa.fingerprints import fingerprint

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "owa_queue_item"
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS: dict[str, Any] = {
    "session_id": ID,
    "visitor_id": ID,
    "fingerprint": sa.String(16),
    "discarded_at": sa.BigInteger(),
    "waited_for": sa.String(300),
}
PLACE = ["last_attempt_timestamp", "id", "handler"]
INDEXES = {
    "error": (["status", "fingerprint", *PLACE], "fingerprint"),
    "type": (["status", "event_type", *PLACE], "fingerprint"),
    "failed_site": (["status", "site_id", *PLACE], "fingerprint"),
    "handler": (["status", "handler", "last_attempt_timestamp", "id"], "fingerprint"),
    "session": (["session_id"], "fingerprint"),
    "visitor": (["visitor_id"], "fingerprint"),
    "discarded": (["discarded_at", "id", "handler"], "discarded_at"),
}
CHUNK = 500


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column(TABLE, sa.Column(name, kind, nullable=True))
    _fill()
    for name, (columns, known) in INDEXES.items():
        where = sa.text(f"{known} IS NOT NULL")
        op.create_index(f"{TABLE}_{name}", TABLE, columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "owa_attempt",
        sa.Column("guid", ID, autoincrement=False, nullable=False),
        sa.Column("handler", sa.String(255), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.Column("process", sa.String(255), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("guid", "handler", "number"),
    )
    op.create_table(
        "owa_failed_act",
        sa.Column("id", ID, nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("wanted", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("process", sa.String(255), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("passed_over", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _fill() -> None:
    """What has failed and is not finished; of the others, there may be a million. Each is rewritten once, chunk by
    chunk."""
    connection = op.get_bind()
    names = ("id", "handler", "status", "event", "last_error_msg", *COLUMNS)
    table = sa.table(TABLE, *(sa.column(name) for name in names))
    place: tuple[int, str] | None = None
    while True:
        rows = sa.select(table.c.id, table.c.handler, table.c.event, table.c.last_error_msg)
        has_failed = sa.or_(table.c.status == "broken", table.c.last_error_msg.is_not(None))
        rows = rows.where(table.c.status != "handled", has_failed)
        if place:
            rows = rows.where(sa.tuple_(table.c.id, table.c.handler) > place)
        found = connection.execute(rows.order_by(table.c.id, table.c.handler).limit(CHUNK)).all()
        if not found:
            return
        for guid, handler, event, error in found:
            mine = sa.update(table).where(table.c.id == guid, table.c.handler == handler)
            connection.execute(mine.values(fingerprint=fingerprint(error or ""), **_ids(event)))
        place = found[-1][0], found[-1][1]


def _ids(event: bytes) -> dict[str, int]:
    try:
        document = orjson.loads(event)
        found = {f"{name}_id": int(document[name]) for name in ("session", "visitor")}
        return found if all(0 < value < 2**63 for value in found.values()) else {}
    except (ValueError, TypeError, KeyError):
        return {}


def downgrade() -> None:
    op.drop_table("owa_failed_act")
    op.drop_table("owa_attempt")
    for name in INDEXES:
        op.drop_index(f"{TABLE}_{name}", table_name=TABLE)
    for name in COLUMNS:
        op.drop_column(TABLE, name)
