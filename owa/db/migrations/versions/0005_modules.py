"""What somebody chose for modules, their last failures, and which processes have applied what."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owa_module",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("switch", sa.String(16), nullable=True),
        sa.Column("switched_at", sa.BigInteger(), nullable=True),
        sa.Column("switched_by", sa.String(255), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_trace", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "owa_process",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("server", sa.Integer(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("broken", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("owa_process")
    op.drop_table("owa_module")
