"""Who made which checkout; and what belonged to users who are gone belongs to nobody who gets their name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Path = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_OF_THE_GONE = """
UPDATE jobs SET owner = owner || ' (removed)'
WHERE owner <> '' AND owner_address = '' AND owner NOT LIKE '% %' AND owner NOT IN (SELECT name FROM users)
"""
"""Names of users have no spaces, those of tokens that are nobody's have."""


def upgrade() -> None:
    """Add the table. Checkouts that are there were made by nobody who is known."""
    op.execute(_OF_THE_GONE)
    op.create_table(
        "checkouts",
        sa.Column("key", Key, nullable=False),
        sa.Column("path", Path, nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_checkouts"),
        sa.UniqueConstraint("path", name="uq_checkouts_path"),
    )
    op.create_index("ix_checkouts_maker", "checkouts", ["maker"])
    op.create_index("ix_jobs_owner", "jobs", ["owner"])
