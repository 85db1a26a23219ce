"""Sign-ons are counted, workers may have a warning, and leases say how long they hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add columns."""
    op.add_column("workers", sa.Column("sign_ons", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("workers", sa.Column("signed_on", Moment, nullable=True))
    op.add_column("workers", sa.Column("warning", sa.Text(), nullable=False, server_default=""))
    op.add_column("workers", sa.Column("warned", Moment, nullable=True))
    op.add_column("leases", sa.Column("seconds", sa.Float(), nullable=False, server_default="0"))
