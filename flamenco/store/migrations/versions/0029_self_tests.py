"""What workers found when they tested themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEPT = sa.text("kept IS NOT NULL")


def upgrade() -> None:
    """Add the table; no worker has tested itself yet."""
    op.create_table(
        "self_tests",
        sa.Column("worker_key", Key, nullable=False),
        sa.Column("sign_on", sa.Integer(), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True)),
        sa.Column("told", sa.Text()),
        sa.Column("kept", sa.Text()),
        sa.Column("pending", sa.Text()),
        sa.Column("report", sa.Text()),
        sa.ForeignKeyConstraint(
            ["worker_key"], ["workers.key"], name=op.f("fk_self_tests_worker_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("worker_key", name=op.f("pk_self_tests")),
    )
    op.create_index("ix_self_tests_kept", "self_tests", ["worker_key"], sqlite_where=_KEPT, postgresql_where=_KEPT)
