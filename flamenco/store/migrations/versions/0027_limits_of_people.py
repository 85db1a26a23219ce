"""Limits that people set, on each machine as well, and how many workers they want on a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the index along which limits on machines are found; nobody has set any yet."""
    op.add_column("limits", sa.Column("own", sa.Integer()))
    op.add_column("limits", sa.Column("per_machine", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("limits", sa.Column("settling", sa.Integer(), nullable=False, server_default="0"))
    where = sa.text("substr(name, 1, 8) = 'machine:' AND own IS NOT NULL")
    op.create_index("ix_limits_machine", "limits", ["name"], sqlite_where=where, postgresql_where=where)
    op.add_column("jobs", sa.Column("max_workers", sa.Integer()))
