"""The order in which frames of jobs come, and frames that are looked at first."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)

_RUNNABLE = "status IN ('queued', 'soft-failed') AND unmet = 0"


def _partial(name: str, table: str, columns: Sequence[str | sa.ColumnElement[object]], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Add columns, tables and indexes; jobs that are there have the order of their scripts, and no preview."""
    for name in ("preview", "frame_order"):
        op.add_column("jobs", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("reordering", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("tasks", sa.Column("ord", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("wave", sa.SmallInteger(), nullable=False, server_default="0"))
    op.drop_index("ix_tasks_runnable", "tasks")
    first: sa.ColumnElement[object] = sa.literal_column("priority DESC")
    _partial("ix_tasks_runnable", "tasks", ("queue_key", first, "ord", "index_in_job"), _RUNNABLE)
    _partial("ix_tasks_wave", "tasks", ["job_key", "wave", "status"], "wave <> 0")
    _partial("ix_jobs_reordering", "jobs", ["key"], "reordering")
    _create_previews()
    _create_links()


def _create_previews() -> None:
    op.create_table(
        "job_previews",
        sa.Column("job_key", Key, nullable=False),
        sa.Column("frames", sa.Text(), nullable=False),
        sa.Column("follows", sa.Text(), nullable=False),
        sa.Column("continue_after_s", sa.Float(), nullable=False, server_default="0"),
        sa.Column("ready", Moment),
        sa.Column("due", Moment),
        sa.PrimaryKeyConstraint("job_key", name="pk_job_previews"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_job_previews_job_key", ondelete="CASCADE"),
    )
    _partial("ix_job_previews_due", "job_previews", ["due"], "due IS NOT NULL")


def _create_links() -> None:
    op.create_table(
        "approval_links",
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("user_key", Key),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("expires", Moment, nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_approval_links"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_approval_links_job_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_approval_links_user_key", ondelete="CASCADE"),
    )
    for name in ("job_key", "user_key", "expires"):
        op.create_index(f"ix_approval_links_{name}", "approval_links", [name])
