"""Who may do what: users, tokens, sessions, who changed what, whose a job is, and workers that wait for approval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables and columns. Jobs that are there are nobody's, workers that are there are approved."""
    op.add_column("jobs", sa.Column("owner", sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("owner_address", sa.Text(), nullable=False, server_default=""))
    op.add_column("workers", sa.Column("approved", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    op.create_table(
        "users",
        sa.Column("key", Key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False, server_default=""),
        sa.Column("plugin", sa.Text(), nullable=False, server_default=""),
        sa.Column("subject", sa.Text(), nullable=False, server_default=""),
        sa.Column("is_role_of_plugin", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("created", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "tokens",
        sa.Column("key", Key, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("user_key", Key),
        sa.Column("once", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("created", Moment, nullable=False),
        sa.Column("expires", Moment),
        sa.Column("last_used", Moment),
        sa.PrimaryKeyConstraint("key", name="pk_tokens"),
        sa.UniqueConstraint("id", name="uq_tokens_id"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_tokens_user_key", ondelete="CASCADE"),
    )
    op.create_index("ix_tokens_user_key", "tokens", ["user_key"])
    op.create_table(
        "sessions",
        sa.Column("key", Key, nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("user_key", Key, nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("expires", Moment, nullable=False),
        sa.Column("last_used", Moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sessions"),
        sa.UniqueConstraint("secret_hash", name="uq_sessions_secret_hash"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_sessions_user_key", ondelete="CASCADE"),
    )
    op.create_index("ix_sessions_user_key", "sessions", ["user_key"])
    op.create_index("ix_sessions_expires", "sessions", ["expires"])
    op.create_table(
        "audit",
        sa.Column("key", Key, nullable=False),
        sa.Column("created", Moment, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.PrimaryKeyConstraint("key", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_created", "audit", ["created"])
