"""What is kept of an event for each event handler: the processing queue's key is guid and handler."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = "owa_queue_item"
OLD_INDEXES = {
    "owa_queue_item_due": ["status", "not_before_timestamp"],
    "owa_queue_item_failed": ["status", "last_attempt_timestamp", "id"],
}
NEW_INDEXES = {
    "owa_queue_item_due": ["status", "handler", "not_before_timestamp"],
    "owa_queue_item_failed": ["status", "last_attempt_timestamp", "id", "handler"],
}
OTHER_INDEXES = ("owa_queue_item_waits_for", "owa_queue_item_waiting_since", "owa_queue_item_owner")


def upgrade() -> None:
    handler = sa.Column("handler", sa.String(255), nullable=False, server_default=sa.text("''"))
    _drop(OLD_INDEXES)
    if op.get_bind().dialect.name == "sqlite":
        _rebuild([handler], without="", key=("id", "handler"), duration=sa.BigInteger())
    else:
        op.add_column(TABLE, handler)
        op.alter_column(TABLE, "handler_duration", type_=sa.BigInteger())
        _change_key("id", "handler")
    _create(NEW_INDEXES)


def downgrade() -> None:
    op.execute(sa.delete(sa.table(TABLE)).where(sa.column("handler") != ""))  # nobody would deliver them
    _drop(NEW_INDEXES)
    if op.get_bind().dialect.name == "sqlite":
        _rebuild([], without="handler", key=("id",), duration=sa.Integer())
    else:
        _change_key("id")
        op.alter_column(TABLE, "handler_duration", type_=sa.Integer())
        op.drop_column(TABLE, "handler")
    _create(OLD_INDEXES)


def _drop(indexes: Iterable[str]) -> None:
    for name in indexes:
        op.drop_index(name, table_name=TABLE)


def _create(indexes: dict[str, list[str]]) -> None:
    for name, columns in indexes.items():
        op.create_index(name, TABLE, columns)


def _change_key(*columns: str) -> None:
    op.drop_constraint("owa_queue_item_pkey", TABLE, type_="primary")
    op.create_primary_key("owa_queue_item_pkey", TABLE, list(columns))


def _rebuild(
    added: list[sa.Column[str]], *, without: str, key: tuple[str, ...], duration: sa.types.TypeEngine[int]
) -> None:
    """SQLite cannot change a table's key: its rows move to a new one."""
    old = sa.Table(TABLE, sa.MetaData(), autoload_with=op.get_bind())
    kept = [column for column in old.columns if column.name != without]
    columns = [
        sa.Column(column.name, duration if column.name == "handler_duration" else column.type, nullable=column.nullable)
        for column in kept
    ]
    new = op.create_table(f"{TABLE}_new", *columns, *added, sa.PrimaryKeyConstraint(*key))
    op.execute(sa.insert(new).from_select([column.name for column in kept], sa.select(*kept).order_by(old.c.id)))
    _drop(OTHER_INDEXES)
    op.drop_table(TABLE)
    op.rename_table(f"{TABLE}_new", TABLE)
    op.create_index("owa_queue_item_waits_for", TABLE, ["waits_for"])
    op.create_index(
        "owa_queue_item_waiting_since",
        TABLE,
        ["status", "waiting_since"],
        sqlite_where=sa.text("waits_for IS NOT NULL"),
    )
    op.create_index("owa_queue_item_owner", TABLE, ["owner"], sqlite_where=sa.text("owner IS NOT NULL"))
