"""A trash for jobs: what somebody deletes is kept for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)

_TRASH = "delete_requested IS NOT NULL AND NOT purging"
_DOOMED = "delete_requested IS NOT NULL AND trashed_at IS NULL AND NOT purging"
# Whoever had these deleted was told that they are gone for good.
_GO_ON = sa.text("UPDATE jobs SET purging = true WHERE delete_requested IS NOT NULL")


def upgrade() -> None:
    """Add columns and indexes; jobs that were to be deleted still are."""
    op.add_column("jobs", sa.Column("trashed_at", Moment, nullable=True))
    op.add_column("jobs", sa.Column("purging", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.get_bind().execute(_GO_ON)
    op.drop_index("ix_jobs_delete_requested", "jobs")
    for name, condition in (
        ("ix_jobs_delete_requested", _TRASH),
        ("ix_jobs_doomed", _DOOMED),
        ("ix_jobs_purging", "purging"),
    ):
        where = sa.text(condition)
        op.create_index(name, "jobs", ["delete_requested"], sqlite_where=where, postgresql_where=where)
