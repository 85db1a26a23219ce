"""Jobs of which an archive is to be made before they go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and the index along which they are found."""
    op.add_column("jobs", sa.Column("archiving", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    where = sa.text("archiving AND NOT purging")
    op.create_index("ix_jobs_archiving", "jobs", ["delete_requested"], sqlite_where=where, postgresql_where=where)
