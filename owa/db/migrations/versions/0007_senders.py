"""Servers that send their events here, and what their batches were answered."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owa_sender",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("server", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.Column("oldest_at", sa.BigInteger(), nullable=True),
        sa.Column("skew", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("events_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "owa_received_batch",
        sa.Column("sender", sa.String(128), nullable=False),
        sa.Column("batch", sa.String(128), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "batch"),
    )
    op.create_index("owa_received_batch_received_at", "owa_received_batch", ["received_at"])


def downgrade() -> None:
    op.drop_table("owa_received_batch")
    op.drop_table("owa_sender")
