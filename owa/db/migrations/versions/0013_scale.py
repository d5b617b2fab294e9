"""The last run of a job that did something is found without passing those that found nothing to do."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEXES = {"owa_job_run_busy": ["job", "id"], "owa_job_run_busy_server": ["job", "server", "id"]}


def upgrade() -> None:
    busy = sa.text("(result != 'done' OR length(figures) > 2)")
    for name, columns in INDEXES.items():
        op.create_index(name, "owa_job_run", columns, sqlite_where=busy, postgresql_where=busy)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="owa_job_run")
