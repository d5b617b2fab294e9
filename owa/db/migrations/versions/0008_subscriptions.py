"""What the event handlers of modules want, so that it is kept for them while a module cannot be loaded."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("owa_module") as table:
        table.add_column(sa.Column("subscriptions", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("owa_module") as table:
        table.drop_column("subscriptions")
