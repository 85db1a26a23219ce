"""Workers are found by where they registered from, and when."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_workers_registered", "workers", ["address", "created"])
