"""Run by Alembic. `owa.db.migrate` hands over the connection, and which revisions are whose."""

from alembic import context

from owa.db.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=context.config.attributes.get("version_table", "alembic_version"),
)
with context.begin_transaction():
    context.run_migrations()
