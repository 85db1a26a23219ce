"""Who made which checkout."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Path = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table. Checkouts that are there were made by nobody who is known."""
    op.create_table(
        "checkouts",
        sa.Column("key", Key, nullable=False),
        sa.Column("path", Path, nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_checkouts"),
        sa.UniqueConstraint("path", name="uq_checkouts_path"),
    )
