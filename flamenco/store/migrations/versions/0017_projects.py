"""Projects of jobs, and what jobs are found by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_SLICE = 500
_LONGEST = 255
_OF_OLD = "unknown"
"""The address that a claim from before addresses were kept is from: nobody's, so nobody owns the job by it."""

_NEXT = sa.text(
    "SELECT key, name, type, metadata, owner, owner_address FROM jobs WHERE key > :after ORDER BY key LIMIT :most"
)
_FILL = sa.text(
    "UPDATE jobs SET project = :project, owner = :owner, owner_address = :owner_address WHERE key = :job_key"
)
_FIND = sa.text("INSERT INTO job_texts (job_key, text) VALUES (:job_key, :text)")


def upgrade() -> None:
    """Add column and table, and fill them for the jobs that are there, some hundred at a time."""
    op.add_column("jobs", sa.Column("project", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "job_texts",
        sa.Column("job_key", Key, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_key", name="pk_job_texts"),
        sa.ForeignKeyConstraint(["job_key"], ["jobs.key"], name="fk_job_texts_job_key", ondelete="CASCADE"),
    )
    connection = op.get_bind()
    for rows in _slices(connection):
        filled = [_filled(row) for row in rows]
        connection.execute(_FILL, filled)
        connection.execute(_FIND, filled)
    op.create_index("ix_jobs_project", "jobs", ["project"])


def _slices(connection: sa.Connection) -> Iterator[Sequence[Any]]:
    after = 0
    while rows := connection.execute(_NEXT, {"after": after, "most": _SLICE}).all():
        yield rows
        after = rows[-1].key


def _filled(row: Any) -> dict[str, object]:
    said = json.loads(row.metadata)
    project = str(said.get("project", ""))[:_LONGEST]
    owner, address = row.owner, row.owner_address
    if not owner and (claimed := str(said.get("user.name", ""))[:_LONGEST]):
        owner, address = claimed, _OF_OLD
    names = (row.name, owner, project, row.type)
    found_by = "\n".join(name[:_LONGEST].strip().casefold() for name in names)
    return {"job_key": row.key, "project": project, "owner": owner, "owner_address": address, "text": found_by}
