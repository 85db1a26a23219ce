"""Jobs that wait for others, and the frames of tasks, by which they may do so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_PENDING = sa.text("state IN ('counting', 'waiting', 'broken')")
_HAS_FRAMES = sa.text("frame_first IS NOT NULL")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def upgrade() -> None:
    """Add columns and tables. Jobs that are there wait for nothing, and the frames of their tasks stay unknown."""
    for name in ("waiting_for", "waited_for"):
        op.add_column("jobs", _number(name))
    for name in ("frame_first", "frame_last"):
        op.add_column("tasks", sa.Column(name, sa.Integer()))
    op.create_index(
        "ix_tasks_frames", "tasks", ["job_key", "frame_first"], sqlite_where=_HAS_FRAMES, postgresql_where=_HAS_FRAMES
    )
    _create_dependencies()
    _create_news()


def _create_dependencies() -> None:
    op.create_table(
        "job_dependencies",
        sa.Column("key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("on_key", Key),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("on_id", "on_name", "kind", "awaits")),
        *(_number(name) for name in ("offset_first", "offset_last", "longest", "longest_other")),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_job_dependencies"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_job_dependencies_job_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["on_key"], ["jobs.key"], name="fk_job_dependencies_on_key", ondelete="SET NULL"),
        sa.UniqueConstraint("job_key", "on_id", name="uq_job_dependencies_job_key_on_id"),
    )
    op.create_index("ix_job_dependencies_on", "job_dependencies", ["on_key", "key"])
    op.create_index(
        "ix_job_dependencies_pending", "job_dependencies", ["key"], sqlite_where=_PENDING, postgresql_where=_PENDING
    )


def _create_news() -> None:
    op.create_table(
        "job_news",
        sa.Column("key", Key, nullable=False),
        sa.Column("job_key", Key, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("frame_first", sa.Integer()),
        sa.Column("frame_last", sa.Integer()),
        sa.PrimaryKeyConstraint("key", name="pk_job_news"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_job_news_job_key", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_news_job", "job_news", ["job_key", "what"])
