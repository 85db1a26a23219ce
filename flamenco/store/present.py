"""What a database has already, for whoever brings more into it."""

from __future__ import annotations

from sqlalchemy import select

from flamenco.domain.statuses import JobStatus
from flamenco.store.engine import Tx
from flamenco.store.schema import jobs, workers


def job_ids(tx: Tx) -> dict[str, bool]:
    """The UUIDs of all jobs, those in the trash too, and whether each was stored as a whole."""
    rows = tx.execute(select(jobs.c.uuid, jobs.c.status))
    return {uuid: status != JobStatus.UNDER_CONSTRUCTION for uuid, status in rows}


def worker_ids(tx: Tx) -> set[str]:
    """The UUIDs of all workers, those that were deleted too."""
    return set(tx.execute(select(workers.c.uuid)).scalars())
