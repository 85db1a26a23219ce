"""What plugins need: queues by requirement, limits, accounts, times of runs, commands of workers, event sinks."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.DateTime(timezone=True)
BATCH = 5_000


def upgrade() -> None:
    """Add tables and columns, and sort the tasks there are into the new queues."""
    _add_to_jobs()
    op.add_column("workers", sa.Column("commands", sa.Text(), nullable=True))
    _add_to_events()
    _add_queues()
    _sort_tasks_into_queues()
    _add_limits()
    op.create_table(
        "accounts",
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("as_of", Moment, nullable=False),
        sa.PrimaryKeyConstraint("policy", "name", name=op.f("pk_accounts")),
    )
    _add_sinks()
    op.create_table(
        "processes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("measured", sa.Text(), nullable=False),
        sa.Column("seen", Moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_processes")),
    )


def _partial(name: str, table: str, columns: list[str | sa.ColumnElement[object]], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)


def _add_to_jobs() -> None:
    op.add_column("jobs", sa.Column("max_running", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("last_assigned", Moment, nullable=True))
    op.add_column("jobs", sa.Column("completed_runs", sa.Integer(), server_default="0", nullable=False))
    for name in ("completed_seconds", "used_seconds", "booked_seconds"):
        op.add_column("jobs", sa.Column(name, sa.Float(), server_default="0", nullable=False))
    _partial("ix_jobs_open", "jobs", ["key"], "status IN ('active', 'queued')")
    _partial("ix_jobs_running", "jobs", ["key"], "tasks_active > 0")
    _partial("ix_jobs_unbooked", "jobs", ["key"], "used_seconds <> booked_seconds")


def _add_to_events() -> None:
    op.add_column("events", sa.Column("xact", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE events ALTER COLUMN xact SET DEFAULT (pg_current_xact_id()::text)::bigint")
        op.execute("UPDATE events SET xact = 0")


def _add_queues() -> None:
    op.drop_table("queues")
    op.create_table(
        "requirements",
        sa.Column("key", Key, nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("commands", sa.Text(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_requirements")),
        sa.UniqueConstraint("task_type", "commands", "limits", name=op.f("uq_requirements_task_type_commands_limits")),
    )
    op.create_table(
        "queues",
        sa.Column("key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("requirement_key", Key, nullable=False),
        sa.Column("runnable", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rank", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name=op.f("fk_queues_job_key"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["requirement_key"], ["requirements.key"], name=op.f("fk_queues_requirement_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_queues")),
        sa.UniqueConstraint("job_key", "requirement_key", name=op.f("uq_queues_job_key_requirement_key")),
    )
    _partial(
        "ix_queues_claim",
        "queues",
        ["requirement_key", sa.literal_column("rank DESC"), "job_key"],
        "runnable > 0 AND rank IS NOT NULL",
    )
    op.add_column("tasks", sa.Column("queue_key", Key, server_default="0", nullable=False))
    op.add_column("tasks", sa.Column("activated", Moment, nullable=True))
    op.execute("UPDATE tasks SET activated = last_touched WHERE status = 'active'")
    _partial("ix_tasks_active_of_job", "tasks", ["job_key"], "status = 'active'")
    op.drop_index("ix_tasks_runnable", "tasks")


def _sort_tasks_into_queues() -> None:
    connection = op.get_bind()
    requirements: dict[tuple[str, str], int] = {}
    queues: dict[tuple[int, int], int] = {}
    placed: list[dict[str, int]] = []
    for key, job_key, task_type, commands in connection.execute(
        sa.text("SELECT key, job_key, type, commands FROM tasks ORDER BY key")
    ).all():
        names = json.dumps(sorted({command["name"] for command in json.loads(commands)}), separators=(",", ":"))
        wanted = (task_type, names)
        if wanted not in requirements:
            requirements[wanted] = len(requirements) + 1
        queue = (job_key, requirements[wanted])
        queues.setdefault(queue, len(queues) + 1)
        placed.append({"task": key, "queue": queues[queue]})
    for (task_type, names), number in requirements.items():
        connection.execute(
            sa.text("INSERT INTO requirements (key, task_type, commands, limits) VALUES (:key, :type, :names, '[]')"),
            {"key": number, "type": task_type, "names": names},
        )
    for (job_key, requirement), number in queues.items():
        connection.execute(
            sa.text("INSERT INTO queues (key, job_key, requirement_key) VALUES (:key, :job, :requirement)"),
            {"key": number, "job": job_key, "requirement": requirement},
        )
    for start in range(0, len(placed), BATCH):
        connection.execute(
            sa.text("UPDATE tasks SET queue_key = :queue WHERE key = :task"), placed[start : start + BATCH]
        )
    if connection.dialect.name == "postgresql":
        for table in ("requirements", "queues"):
            following = f"SELECT coalesce(max(key), 0) + 1 FROM {table}"  # noqa: S608 - our own names
            op.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'key'), ({following}))")
    op.execute(
        "UPDATE queues SET rank = (SELECT CASE WHEN jobs.status IN ('active', 'queued') THEN jobs.rank END"
        " FROM jobs WHERE jobs.key = queues.job_key), runnable = (SELECT count(*) FROM tasks"
        " WHERE tasks.job_key = queues.job_key AND tasks.queue_key = queues.key"
        " AND tasks.status IN ('queued', 'soft-failed') AND tasks.unmet = 0)"
    )
    _partial(
        "ix_tasks_runnable",
        "tasks",
        ["queue_key", sa.literal_column("priority DESC"), "index_in_job"],
        "status IN ('queued', 'soft-failed') AND unmet = 0",
    )


def _add_limits() -> None:
    op.create_table(
        "limits",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limits")),
    )
    op.create_table(
        "limit_uses",
        sa.Column("limit_name", sa.Text(), nullable=False),
        sa.Column("task_key", Key, nullable=False),
        sa.ForeignKeyConstraint(
            ["limit_name"], ["limits.name"], name=op.f("fk_limit_uses_limit_name"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["task_key"], ["tasks.key"], name=op.f("fk_limit_uses_task_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("limit_name", "task_key", name=op.f("pk_limit_uses")),
    )
    op.create_index(op.f("ix_limit_uses_task_key"), "limit_uses", ["task_key"], unique=False)


def _add_sinks() -> None:
    op.create_table(
        "sinks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("backoff_s", sa.Float(), server_default="0", nullable=False),
        sa.Column("retry_at", Moment, nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sinks")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("key", Key, nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("event_key", sa.BigInteger(), nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("died", Moment, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("retry", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_sink"), "dead_letters", ["sink"], unique=False)
    _partial("ix_dead_letters_retry", "dead_letters", ["sink", "key"], "retry")
