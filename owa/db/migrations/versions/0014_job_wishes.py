"""Jobs that are asked for now, in another process than the one that runs them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owa_job_wish",
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("server", sa.Integer(), primary_key=True),
        sa.Column("wished_at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("owa_job_wish")
