"""Entry point of alembic: runs the migrations on the connection that `flamenco.store.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from flamenco.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
