"""Events of task logs are stored for those who follow them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table of what is followed. Whoever follows something now comes again within a minute."""
    op.create_table(
        "log_followers",
        sa.Column("pattern", sa.Text(), primary_key=True),
        sa.Column("until", Moment, nullable=False),
    )
