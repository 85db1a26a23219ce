"""The tasks of a worker are found in the order in which it was given them."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put another index in place of the one by worker alone; when older tasks were given, their last change tells."""
    op.execute("UPDATE tasks SET activated = updated WHERE worker_key IS NOT NULL AND activated IS NULL")
    op.drop_index("ix_tasks_worker_key", "tasks")
    op.create_index("ix_tasks_given", "tasks", ["worker_key", "activated"])
