"""When jobs may start at the earliest, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_WAITING = sa.text("start_after IS NOT NULL")


def upgrade() -> None:
    """Add the columns; no job waits for a moment yet."""
    op.add_column("jobs", sa.Column("start_after", sa.DateTime(timezone=True)))
    op.add_column("jobs", sa.Column("start_after_reason", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_jobs_start_after", "jobs", ["start_after"], sqlite_where=_WAITING, postgresql_where=_WAITING)
