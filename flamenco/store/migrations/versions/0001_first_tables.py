"""The first tables: jobs, tasks, workers, queues, events, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "events",
        sa.Column("key", Key, nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_created"), "events", ["created"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "tags",
        sa.Column("key", Key, nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tags")),
        sa.UniqueConstraint("name", name=op.f("uq_tags_name")),
        sa.UniqueConstraint("uuid", name=op.f("uq_tags_uuid")),
    )
    op.create_table(
        "workers",
        sa.Column("key", Key, nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("software", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("task_types", sa.Text(), nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("updated", Moment, nullable=False),
        sa.Column("last_seen", Moment, nullable=True),
        sa.Column("status_requested", sa.Text(), nullable=True),
        sa.Column("lazy_request", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("can_restart", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("deleted", Moment, nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_workers")),
        sa.UniqueConstraint("uuid", name=op.f("uq_workers_uuid")),
    )
    op.create_index(op.f("ix_workers_deleted"), "workers", ["deleted"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("key", Key, nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), server_default="", nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("updated", Moment, nullable=False),
        sa.Column("tag_key", Key, nullable=True),
        sa.Column("shaman_checkout_id", sa.Text(), server_default="", nullable=False),
        sa.Column("delete_requested", Moment, nullable=True),
        sa.Column("rank", sa.Float(), nullable=True),
        sa.Column("tasks_active", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tasks_canceled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tasks_completed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tasks_failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tasks_paused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tasks_queued", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tasks_soft_failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("steps_completed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("steps_total", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["tag_key"], ["tags.key"], name=op.f("fk_jobs_tag_key"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_jobs")),
        sa.UniqueConstraint("uuid", name=op.f("uq_jobs_uuid")),
    )
    op.create_index(op.f("ix_jobs_tag_key"), "jobs", ["tag_key"], unique=False)
    op.create_index(
        "ix_jobs_transitional",
        "jobs",
        ["status"],
        unique=False,
        sqlite_where=sa.text("status IN ('cancel-requested', 'pause-requested', 'requeueing')"),
        postgresql_where=sa.text("status IN ('cancel-requested', 'pause-requested', 'requeueing')"),
    )
    op.create_table(
        "worker_tags",
        sa.Column("worker_key", Key, nullable=False),
        sa.Column("tag_key", Key, nullable=False),
        sa.ForeignKeyConstraint(["tag_key"], ["tags.key"], name=op.f("fk_worker_tags_tag_key"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["worker_key"], ["workers.key"], name=op.f("fk_worker_tags_worker_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("worker_key", "tag_key", name=op.f("pk_worker_tags")),
    )
    op.create_index(op.f("ix_worker_tags_tag_key"), "worker_tags", ["tag_key"], unique=False)
    op.create_table(
        "job_blocks",
        sa.Column("job_key", Key, nullable=False),
        sa.Column("worker_key", Key, nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name=op.f("fk_job_blocks_job_key"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["worker_key"], ["workers.key"], name=op.f("fk_job_blocks_worker_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_key", "worker_key", "task_type", name=op.f("pk_job_blocks")),
    )
    op.create_index(op.f("ix_job_blocks_worker_key"), "job_blocks", ["worker_key"], unique=False)
    op.create_table(
        "queues",
        sa.Column("job_key", Key, nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("runnable", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rank", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name=op.f("fk_queues_job_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_key", "task_type", name=op.f("pk_queues")),
    )
    op.create_index(
        "ix_queues_claim",
        "queues",
        [sa.literal_column("rank DESC"), "job_key", "task_type"],
        unique=False,
        sqlite_where=sa.text("runnable > 0 AND rank IS NOT NULL"),
        postgresql_where=sa.text("runnable > 0 AND rank IS NOT NULL"),
    )
    op.create_table(
        "tasks",
        sa.Column("key", Key, nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("index_in_job", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), server_default="", nullable=False),
        sa.Column("commands", sa.Text(), nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("updated", Moment, nullable=False),
        sa.Column("worker_key", Key, nullable=True),
        sa.Column("last_touched", Moment, nullable=True),
        sa.Column("steps_completed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("steps_total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unmet", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name=op.f("fk_tasks_job_key"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["worker_key"], ["workers.key"], name=op.f("fk_tasks_worker_key"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tasks")),
        sa.UniqueConstraint("job_key", "index_in_job", name=op.f("uq_tasks_job_key_index_in_job")),
        sa.UniqueConstraint("uuid", name=op.f("uq_tasks_uuid")),
    )
    op.create_index(
        "ix_tasks_active",
        "tasks",
        ["worker_key"],
        unique=False,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_tasks_runnable",
        "tasks",
        ["job_key", "type", sa.literal_column("priority DESC"), "index_in_job"],
        unique=False,
        sqlite_where=sa.text("status IN ('queued', 'soft-failed') AND unmet = 0"),
        postgresql_where=sa.text("status IN ('queued', 'soft-failed') AND unmet = 0"),
    )
    op.create_index(
        "ix_tasks_touched",
        "tasks",
        ["last_touched"],
        unique=False,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(op.f("ix_tasks_worker_key"), "tasks", ["worker_key"], unique=False)
    op.create_table(
        "task_dependencies",
        sa.Column("task_key", Key, nullable=False),
        sa.Column("dependency_key", Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["dependency_key"], ["tasks.key"], name=op.f("fk_task_dependencies_dependency_key"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_key"], ["tasks.key"], name=op.f("fk_task_dependencies_task_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_key", "dependency_key", name=op.f("pk_task_dependencies")),
    )
    op.create_index(op.f("ix_task_dependencies_dependency_key"), "task_dependencies", ["dependency_key"], unique=False)
    op.create_table(
        "task_failures",
        sa.Column("task_key", Key, nullable=False),
        sa.Column("worker_key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name=op.f("fk_task_failures_job_key"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["task_key"], ["tasks.key"], name=op.f("fk_task_failures_task_key"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["worker_key"], ["workers.key"], name=op.f("fk_task_failures_worker_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_key", "worker_key", name=op.f("pk_task_failures")),
    )
    op.create_index("ix_task_failures_job", "task_failures", ["job_key", "worker_key", "task_type"], unique=False)
    op.create_index(op.f("ix_task_failures_worker_key"), "task_failures", ["worker_key"], unique=False)
