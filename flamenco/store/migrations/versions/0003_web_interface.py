"""What people see and arrange as in today's Flamenco: the image that came last, when workers sleep, jobs to delete."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add tables and indexes."""
    _add_last_rendered()
    _add_sleep_schedules()
    _add_farm_status()
    _add_deletion()
    _partial("ix_events_task_logs", "events", ["created"], "substr(topic, 1, 9) = '/tasklog/'")


def _add_last_rendered() -> None:
    op.create_table(
        "last_rendered",
        sa.Column("key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name=op.f("fk_last_rendered_job_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_last_rendered")),
    )
    op.create_index(op.f("ix_last_rendered_job_key"), "last_rendered", ["job_key"], unique=False)


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)


def _add_sleep_schedules() -> None:
    op.create_table(
        "sleep_schedules",
        sa.Column("worker_key", Key, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("start_time", sa.Text(), nullable=False),
        sa.Column("end_time", sa.Text(), nullable=False),
        sa.Column("next_check", Moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["worker_key"], ["workers.key"], name=op.f("fk_sleep_schedules_worker_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("worker_key", name=op.f("pk_sleep_schedules")),
    )
    _partial("ix_sleep_schedules_due", "sleep_schedules", ["next_check"], "is_active")


def _add_farm_status() -> None:
    op.create_table(
        "farm_status",
        sa.Column("key", Key, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_farm_status")),
    )


def _add_deletion() -> None:
    is_open = "status IN ('active', 'queued') AND delete_requested IS NULL"
    op.drop_index("ix_jobs_open", "jobs")
    _partial("ix_jobs_open", "jobs", ["key"], is_open)
    _partial("ix_jobs_open_status", "jobs", ["status"], is_open)
    _partial("ix_jobs_delete_requested", "jobs", ["delete_requested"], "delete_requested IS NOT NULL")
