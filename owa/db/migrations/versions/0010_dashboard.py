"""How full the queues were, what the ledger said, how each server is; and what finds figures without a scan."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owa_queue_sample",
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("server", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("minute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.Column("oldest_age", sa.BigInteger(), nullable=True),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "server", "minute"),
    )
    op.create_index("owa_queue_sample_minute", "owa_queue_sample", ["minute"])
    op.create_table(
        "owa_queue_done",
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("server", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "server"),
    )
    op.create_table(
        "owa_ledger_line",
        sa.Column("server", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("site_id", sa.String(255), nullable=False),
        sa.Column("figures", sa.LargeBinary(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server", "site_id"),
    )
    op.add_column("owa_process", sa.Column("version", sa.String(64), nullable=True))
    op.add_column("owa_process", sa.Column("mode", sa.String(16), nullable=True))
    op.add_column("owa_process", sa.Column("skew", sa.BigInteger(), nullable=True))
    unfinished = sa.text("status != 'handled'")
    op.create_index(
        "owa_queue_item_oldest",
        "owa_queue_item",
        ["status", "insertion_timestamp"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_index(
        "owa_queue_item_site",
        "owa_queue_item",
        ["status", "site_id", "handler", "not_before_timestamp"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )


def downgrade() -> None:
    op.drop_index("owa_queue_item_site", "owa_queue_item")
    op.drop_index("owa_queue_item_oldest", "owa_queue_item")
    for column in ("skew", "mode", "version"):
        op.drop_column("owa_process", column)
    for table in ("owa_ledger_line", "owa_queue_done", "owa_queue_sample"):
        op.drop_table(table)
