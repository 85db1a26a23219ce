"""Jobs are found by their Shaman checkout, and say when its files are being removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the index; checkouts are compared by bytes, so that what is inside of one is next to it."""
    op.add_column("jobs", sa.Column("checkout_goes", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("jobs", "shaman_checkout_id", type_=sa.Text(collation="C"))
    where = sa.text("shaman_checkout_id <> ''")
    op.create_index("ix_jobs_checkout", "jobs", ["shaman_checkout_id"], sqlite_where=where, postgresql_where=where)
