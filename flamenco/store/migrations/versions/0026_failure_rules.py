"""What follows from failures: tasks that are tried again later, limits of a job on failures, workers that are sick."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SICK = sa.text("sick <> ''")
_LATER = sa.text("not_before IS NOT NULL")


def upgrade() -> None:
    """Add tables and columns; nothing has failed by a rule yet."""
    op.add_column("jobs", sa.Column("fail_percent", sa.Integer()))
    op.add_column("jobs", sa.Column("tries", sa.Integer()))
    op.add_column("task_failures", sa.Column("counts", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    op.add_column("workers", sa.Column("failing", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("workers", sa.Column("sick", sa.Text(), nullable=False, server_default=""))
    op.add_column("workers", sa.Column("sick_since", sa.DateTime(timezone=True)))
    op.add_column("workers", sa.Column("sick_by_job", Key))
    op.create_index("ix_workers_sick", "workers", ["sick_by_job"], sqlite_where=_SICK, postgresql_where=_SICK)
    op.create_table(
        "task_retries",
        sa.Column("task_key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("free", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("task_key", name="pk_task_retries"),
        sa.ForeignKeyConstraint(["task_key"], ["tasks.key"], name="fk_task_retries_task_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_task_retries_job_key", ondelete="CASCADE"),
    )
    op.create_index("ix_task_retries_job_key", "task_retries", ["job_key"])
    op.create_index("ix_task_retries_due", "task_retries", ["not_before"], sqlite_where=_LATER, postgresql_where=_LATER)
    op.create_table(
        "job_rules",
        sa.Column("job_key", Key, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_key", name="pk_job_rules"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_job_rules_job_key", ondelete="CASCADE"),
    )
