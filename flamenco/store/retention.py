"""The jobs that have ended, some at a time, for whoever looks what is to become of them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select

from flamenco.domain.retention import Aged
from flamenco.domain.statuses import FINISHED_JOB, JobStatus
from flamenco.store.engine import Tx
from flamenco.store.schema import jobs

PAGE: Final = 500
"""So many are read at once."""

_COLUMNS = (jobs.c.key, jobs.c.uuid, jobs.c.name, jobs.c.owner, jobs.c.status, jobs.c.project, jobs.c.updated)
_ENDED = (
    select(*_COLUMNS)
    .where(
        jobs.c.key > bindparam("after"),
        jobs.c.status.in_(sorted(FINISHED_JOB)),
        jobs.c.delete_requested.is_(None),
    )
    .order_by(jobs.c.key)
    .limit(PAGE)
)


def ended(tx: Tx, after: int) -> list[Aged]:
    """The next jobs that have ended, after a row number; fewer than `PAGE` when those are the last."""
    return [
        Aged(
            key=row.key,
            id=row.uuid,
            name=row.name,
            user=row.owner,
            status=JobStatus(row.status),
            project=row.project,
            updated=row.updated,
        )
        for row in tx.execute(_ENDED, {"after": after})
    ]
