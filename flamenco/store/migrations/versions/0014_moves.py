"""What is left to be done of a change of status that concerns very many tasks of a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_MOVING = sa.text("moves <> '[]'")


def upgrade() -> None:
    """Add the column. Nothing is left of what was begun before: it was all in one transaction."""
    op.add_column("jobs", sa.Column("moves", sa.Text(), nullable=False, server_default="[]"))
    op.create_index("ix_jobs_moving", "jobs", ["key"], sqlite_where=_MOVING, postgresql_where=_MOVING)
