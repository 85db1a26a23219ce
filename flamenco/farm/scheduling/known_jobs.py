"""What policies see of jobs: what does not change of a job is read once per process, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from flamenco.domain.scheduling.values import JobCandidate
from flamenco.farm.context import Farm
from flamenco.store.engine import Tx
from flamenco.store.scheduling import ranking
from flamenco.store.scheduling.ranking import JobSnapshot

MOST_KNOWN = 20_000
"""So many jobs are kept in mind by a process that ranks none."""

_NEVER = datetime.min.replace(tzinfo=UTC)


def candidates(tx: Tx, farm: Farm, jobs_there: Sequence[JobSnapshot]) -> list[JobCandidate]:
    """The jobs as policies see them; without those that were deleted since `jobs_there` was read."""
    return list(by_key(tx, farm, jobs_there).values())


def by_key(tx: Tx, farm: Farm, jobs_there: Sequence[JobSnapshot]) -> dict[int, JobCandidate]:
    """The same by row number."""
    known = farm.known_jobs
    missing = [job.key for job in jobs_there if job.key not in known or known[job.key][0] != job.updated]
    if missing:
        read = ranking.candidates(tx, missing)
        known.update({job.key: (job.updated, read[job.key]) for job in jobs_there if job.key in read})
    return {
        job.key: replace(
            known[job.key][1],
            priority=job.priority,
            counts=job.counts,
            last_assigned=job.last_assigned,
            mean_task_s=job.mean_task_s,
        )
        for job in jobs_there
        if job.key in known
    }


def seen_last(tx: Tx, farm: Farm, job_key: int, job_id: str) -> JobCandidate | None:
    """The job as this process saw it last; None when it was deleted, as whoever locks it will find."""
    known = farm.known_jobs.get(job_key)
    # SQLite gives the row number of a deleted job to another one.
    if known is None or known[1].id != job_id:
        # Not as of any moment, so that whoever ranks reads it again; but not read again at every poll.
        read = ranking.candidates(tx, [job_key]).get(job_key)
        if read is None:
            return None
        known = (_NEVER, read)
        if len(farm.known_jobs) >= MOST_KNOWN:
            farm.known_jobs.clear()
        farm.known_jobs[job_key] = known
    return known[1]


def forget_all_but(farm: Farm, jobs_there: Sequence[JobSnapshot]) -> None:
    """Forget what is not open any more, once that is most of what is kept."""
    if len(farm.known_jobs) > 2 * len(jobs_there) + 1_000:
        kept = {job.key for job in jobs_there}
        for key in [key for key in farm.known_jobs if key not in kept]:
            farm.known_jobs.pop(key, None)
