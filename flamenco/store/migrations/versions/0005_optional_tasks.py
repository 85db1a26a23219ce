"""Tasks that their job can do without, and how many of those failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns: until now every task had to be completed."""
    op.add_column("tasks", sa.Column("optional", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("jobs", sa.Column("tasks_failed_optional", sa.Integer(), nullable=False, server_default="0"))
