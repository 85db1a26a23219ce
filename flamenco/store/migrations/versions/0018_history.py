"""Who changed one thing, found without looking at all that was ever changed."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_audit_object", "audit", ["kind", "object_id", "key"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_audit_object", "audit")
