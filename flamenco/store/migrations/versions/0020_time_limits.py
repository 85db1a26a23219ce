"""How long tasks of a job may take, need at least, and may be silent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add table and column; no job has any yet."""
    op.add_column("jobs", sa.Column("has_time_limits", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_table(
        "job_time_limits",
        sa.Column("job_key", Key, nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_key", name="pk_job_time_limits"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_job_time_limits_job_key", ondelete="CASCADE"),
    )
