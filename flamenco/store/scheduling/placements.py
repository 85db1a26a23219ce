"""Where jobs stand, many at a time: whether they are where they belong can be seen without locking any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from flamenco.domain.model import Job
from flamenco.domain.scheduling.values import Limit, Placement
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.scheduling import limits
from flamenco.store.scheduling.queues import decode_names
from flamenco.store.schema import jobs, queues, requirements


class QueuePlace(NamedTuple):
    """A queue, with the limits that it is under, and its rank."""

    task_type: str
    limits: tuple[str, ...]
    rank: float | None


class Place(NamedTuple):
    """A job with its rank and its queues."""

    job: Job
    rank: float | None
    queues: list[QueuePlace]

    @property
    def task_types(self) -> set[str]:
        """The types of the job's tasks."""
        return {queue.task_type for queue in self.queues}

    def is_that_of(self, placement: Placement) -> bool:
        """Whether nothing would be changed by placing the job there."""
        rank = placement.rank if self.job.is_open else None
        return (self.rank, self.job.max_running) == (placement.rank, placement.max_running) and all(
            queue.rank == rank and queue.limits == limits.names(placement.limits.get(queue.task_type, ()))
            for queue in self.queues
        )


_KEYS: Any = bindparam("keys", expanding=True)
_JOBS = job_store.SELECT_WHOLE.add_columns(jobs.c.rank).where(jobs.c.key.in_(_KEYS)).order_by(jobs.c.key)
_QUEUES = (
    select(queues.c.job_key, requirements.c.task_type, requirements.c.limits, queues.c.rank)
    .join(requirements, requirements.c.key == queues.c.requirement_key)
    .where(queues.c.job_key.in_(_KEYS))
)


def of_jobs(tx: Tx, keys: Sequence[int]) -> list[Place]:
    """Where the jobs with those row numbers stand; those that are not there any more are left out."""
    of_job: dict[int, list[QueuePlace]] = {}
    for job_key, task_type, names, rank in tx.execute(_QUEUES, {"keys": list(keys)}).all():
        of_job.setdefault(job_key, []).append(QueuePlace(task_type, decode_names(names), rank))
    rows = tx.execute(_JOBS, {"keys": list(keys)}).all()
    found = ((job_store.WHOLE.read(row), row.rank) for row in rows)
    return [Place(job, rank, of_job.get(job.key, [])) for job, rank in found]


def declare_limits(tx: Tx, placed: Iterable[Placement]) -> None:
    """Make all limits of the placements known, with the capacity that the last one gives them."""
    declared: dict[str, Limit] = {}
    for placement in placed:
        for on_type in placement.limits.values():
            declared.update((limit.name, limit) for limit in on_type)
    limits.declare(tx, declared.values())
