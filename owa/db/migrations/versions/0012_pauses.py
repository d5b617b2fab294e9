"""What is paused; and indexes for the pages on waiting events and on jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owa_pause",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=False),
        sa.Column("paused_by", sa.String(255), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_index("owa_job_run_caller", "owa_job_run", ["job", "caller", "id"])
    waiting = sa.text("waits_for IS NOT NULL")
    op.drop_index("owa_queue_item_waiting_since", "owa_queue_item")
    op.create_index(
        "owa_queue_item_waiting_since",
        "owa_queue_item",
        ["status", "waiting_since", "waits_for"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.drop_index("owa_queue_item_waits_for", "owa_queue_item")
    op.create_index(
        "owa_queue_item_waits_for",
        "owa_queue_item",
        ["waits_for", "status", "waiting_since"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    waiting = sa.text("waits_for IS NOT NULL")
    op.drop_index("owa_queue_item_waits_for", "owa_queue_item")
    op.create_index("owa_queue_item_waits_for", "owa_queue_item", ["waits_for"])
    op.drop_index("owa_queue_item_waiting_since", "owa_queue_item")
    op.create_index(
        "owa_queue_item_waiting_since",
        "owa_queue_item",
        ["status", "waiting_since"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.drop_index("owa_job_run_caller", "owa_job_run")
    op.drop_table("owa_pause")
