"""Who ran a task, when, and how that ended: a row for each time, where there was only the last before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table. Tasks that are being run are at their first attempt; of those that are over, nobody knows."""
    op.add_column("tasks", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("log_begins", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE tasks SET attempts = 1 WHERE tasks.status = 'active'")
    op.create_table(
        "attempts",
        sa.Column("key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("task_key", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker_key", Key),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("log_begins", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_attempts"),
        sa.UniqueConstraint("task_key", "number", name="uq_attempts_task_key_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_job", "attempts", ["job_key", "ended"])
    # The last job that was called the same says how long one will take.
    op.create_index("ix_jobs_name", "jobs", ["name", "type"])
