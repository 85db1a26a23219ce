"""Jobs have variables of their own, for what their commands have in common."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table, and what saves looking into it."""
    op.create_table(
        "job_variables",
        sa.Column("job_key", Key, sa.ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_key", "name"),
    )
    op.add_column("jobs", sa.Column("has_variables", sa.Boolean(), nullable=False, server_default=sa.text("false")))
