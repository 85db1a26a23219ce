"""What attempts say of the time that jobs take."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, select
from sqlalchemy import func as sql

from flamenco.domain.attempts import Outcome
from flamenco.domain.estimates import MOST_SAMPLES
from flamenco.domain.model import JobState
from flamenco.domain.statuses import TaskStatus
from flamenco.store.engine import Tx
from flamenco.store.schema import attempts, jobs, queues, requirements, tasks, workers

OF_SAME_NAME = 5
"""So many earlier jobs of the same name are looked at for tasks that are done."""

LEFT = (TaskStatus.QUEUED, TaskStatus.SOFT_FAILED)


class WorkerTime(Struct, frozen=True):
    """How long a worker was at tasks of a job, and at how many; `id` is empty where nobody is known."""

    id: str
    name: str
    seconds: float
    tasks: int
    first: datetime
    last: datetime


_BY_WORKER = (
    select(
        attempts.c.worker_key,
        sql.sum(attempts.c.seconds).label("seconds"),
        sql.count(attempts.c.task_key.distinct()).label("tasks"),
        sql.min(attempts.c.started).label("first"),
        sql.max(attempts.c.ended).label("last"),
    )
    .where(attempts.c.job_key == bindparam("of_job"))
    .group_by(attempts.c.worker_key)
).subquery()
_BY_WORKER_NAMED = (
    select(
        sql.coalesce(workers.c.uuid, ""),
        sql.coalesce(workers.c.name, ""),
        *(_BY_WORKER.c.seconds, _BY_WORKER.c.tasks, _BY_WORKER.c.first, _BY_WORKER.c.last),
    )
    .select_from(_BY_WORKER)
    .outerjoin(workers, workers.c.key == _BY_WORKER.c.worker_key)
    .order_by(_BY_WORKER.c.seconds.desc())
)
_DONE = (
    select(tasks.c.type, attempts.c.seconds)
    .join(tasks, tasks.c.key == attempts.c.task_key)
    .where(attempts.c.job_key == bindparam("of_job"), attempts.c.outcome == Outcome.COMPLETED)
    .order_by(attempts.c.ended.desc())
    .limit(MOST_SAMPLES)
)
_EARLIER = (
    select(jobs.c.key)
    .where(
        jobs.c.name == bindparam("called"),
        jobs.c.type == bindparam("of_type"),
        jobs.c.key < bindparam("of_job"),
        jobs.c.delete_requested.is_(None),
    )
    .order_by(jobs.c.key.desc())
    .limit(OF_SAME_NAME)
)
_TYPES = (
    select(requirements.c.task_type)
    .distinct()
    .join(queues, queues.c.requirement_key == requirements.c.key)
    .where(queues.c.job_key == bindparam("of_job"))
)
_LEFT = (
    select(tasks.c.type, sql.count().label("number"))
    .where(tasks.c.job_key == bindparam("of_job"), tasks.c.status.in_(LEFT))
    .group_by(tasks.c.type)
)


def by_worker(tx: Tx, job_key: int) -> list[WorkerTime]:
    """Who was at tasks of a job, in attempts that are over; who was so for longest first."""
    return [WorkerTime(*row) for row in tx.execute(_BY_WORKER_NAMED, {"of_job": job_key})]


def done(tx: Tx, job_key: int) -> dict[str, list[float]]:
    """How many seconds the last tasks of a job took that were done, by their type."""
    found: dict[str, list[float]] = {}
    for task_type, seconds in tx.execute(_DONE, {"of_job": job_key}):
        found.setdefault(task_type, []).append(seconds)
    return found


def done_before(tx: Tx, job: JobState) -> dict[str, list[float]]:
    """The same of the last job before that has the same name and type, and anything done."""
    values = {"called": job.name, "of_type": job.type, "of_job": job.key}
    for job_key in tx.execute(_EARLIER, values).scalars().all():
        if found := done(tx, job_key):
            return found
    return {}


def waiting(tx: Tx, job: JobState) -> dict[str, int]:
    """How many tasks of a job are still to be run, by their type."""
    types = tx.execute(_TYPES, {"of_job": job.key}).scalars().all()
    if len(types) == 1:  # so that not all tasks of a large job have to be looked at
        return {types[0]: job.counts.of(*LEFT)}
    return {row.type: row.number for row in tx.execute(_LEFT, {"of_job": job.key})}
