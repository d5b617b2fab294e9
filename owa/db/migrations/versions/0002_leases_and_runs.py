"""Leases of the processing queue's events and of jobs, and a record of the jobs' runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("owa_queue_item", sa.Column("owner", sa.String(255), nullable=True))
    op.add_column("owa_queue_item", sa.Column("lease_token", sa.String(36), nullable=True))
    op.add_column("owa_queue_item", sa.Column("lease_until", sa.BigInteger(), nullable=True))
    leased = sa.text("owner IS NOT NULL")
    op.create_index("owa_queue_item_owner", "owa_queue_item", ["owner"], sqlite_where=leased, postgresql_where=leased)
    waiting = sa.text("waits_for IS NOT NULL")
    op.create_index(
        "owa_queue_item_waiting_since",
        "owa_queue_item",
        ["status", "waiting_since"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "owa_job_lease",
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("token", sa.String(36), nullable=False),
        sa.Column("acquired_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
    op.create_table(
        "owa_job_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("server", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("caller", sa.String(16), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("figures", sa.LargeBinary(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("owa_job_run_job", "owa_job_run", ["job", "id"])
    op.create_index("owa_job_run_job_server", "owa_job_run", ["job", "server", "id"])
    op.create_index("owa_job_run_started_at", "owa_job_run", ["started_at"])


def downgrade() -> None:
    op.drop_table("owa_job_run")
    op.drop_table("owa_job_lease")
    op.drop_index("owa_queue_item_waiting_since", table_name="owa_queue_item")
    op.drop_index("owa_queue_item_owner", table_name="owa_queue_item")
    for name in ("lease_until", "lease_token", "owner"):
        op.drop_column("owa_queue_item", name)
