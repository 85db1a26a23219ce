"""Batches of jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_SLICE = 500
_LONGEST = 255

_NEXT = sa.text("SELECT key, metadata FROM jobs WHERE key > :after ORDER BY key LIMIT :most")
_FILL = sa.text("UPDATE jobs SET batch = :batch WHERE key = :job_key")
_FIND = sa.text("UPDATE job_texts SET text = text || :line WHERE job_key = :job_key")


def upgrade() -> None:
    """Add the column, and fill it for the jobs that are there and say something, some hundred at a time."""
    op.add_column("jobs", sa.Column("batch", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    for rows in _slices(connection):
        named = [(row.key, batch) for row in rows if (batch := _batch(row.metadata))]
        if named:
            connection.execute(_FILL, [{"job_key": key, "batch": batch} for key, batch in named])
            lines = [{"job_key": key, "line": f"\n{batch.strip().casefold()}"} for key, batch in named]
            connection.execute(_FIND, lines)
    op.create_index("ix_jobs_batch", "jobs", ["batch"])


def _slices(connection: sa.Connection) -> Iterator[Sequence[Any]]:
    after = 0
    while rows := connection.execute(_NEXT, {"after": after, "most": _SLICE}).all():
        yield rows
        after = rows[-1].key


def _batch(metadata: str) -> str:
    return str(json.loads(metadata).get("batch", ""))[:_LONGEST]
