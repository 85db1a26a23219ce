"""Which workers jobs are for, blocks and notes of people, and workers that are put away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add tables and columns; every job is for all workers, and nobody has said anything yet."""
    op.add_column("jobs", sa.Column("worker_rules", sa.Integer(), nullable=False, server_default="0"))
    where = sa.text("worker_rules <> 0")
    op.create_index("ix_jobs_choosing", "jobs", ["key"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "job_workers",
        sa.Column("key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("worker_key", Key),
        sa.Column("tag_key", Key),
        sa.PrimaryKeyConstraint("key", name="pk_job_workers"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_job_workers_job_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["worker_key"], ["workers.key"], name="fk_job_workers_worker_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tag_key"], ["tags.key"], name="fk_job_workers_tag_key", ondelete="CASCADE"),
    )
    for column in ("job_key", "worker_key", "tag_key"):
        op.create_index(f"ix_job_workers_{column}", "job_workers", [column])
    op.add_column("job_blocks", sa.Column("blocked_by", sa.Text(), nullable=False, server_default=""))
    for kind in ("job", "worker"):
        op.create_table(
            f"{kind}_notes",
            sa.Column(f"{kind}_key", Key, nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.Column("who", sa.Text(), nullable=False),
            sa.Column("at", Moment, nullable=False),
            sa.PrimaryKeyConstraint(f"{kind}_key", name=f"pk_{kind}_notes"),
            sa.ForeignKeyConstraint(
                [f"{kind}_key"], [f"{kind}s.key"], name=f"fk_{kind}_notes_{kind}_key", ondelete="CASCADE"
            ),
        )
    op.add_column("workers", sa.Column("put_away", Moment))
