"""Run by Alembic. `owa.db.migrate` hands over the connection."""

from alembic import context

from owa.db.metadata import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
