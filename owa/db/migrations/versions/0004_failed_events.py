"""An index for the list of failed events."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("owa_queue_item_failed", "owa_queue_item", ["status", "last_attempt_timestamp", "id"])


def downgrade() -> None:
    op.drop_index("owa_queue_item_failed", table_name="owa_queue_item")
