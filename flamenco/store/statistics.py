"""The farm in numbers, and what its status is. Tasks are counted by their jobs' counters and the queues, not singly."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import and_, bindparam, delete, select, text
from sqlalchemy import func as sql

from flamenco.domain.farm_status import FarmStatus
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.store.engine import Tx
from flamenco.store.schema import CLAIMABLE_SQL, OPEN_SQL, farm_status, jobs, queues, requirements, workers


class JobNumbers(Struct, frozen=True):
    """How many jobs there are in each status, and how many tasks all of them have in each."""

    jobs: dict[JobStatus, int]
    tasks: dict[TaskStatus, int]


_JOBS = (
    select(
        jobs.c.status,
        sql.count().label("jobs"),
        *(sql.sum(jobs.c[f"tasks_{status.column}"]).label(status.column) for status in TaskStatus),
    )
    .where(jobs.c.delete_requested.is_(None))
    .group_by(jobs.c.status)
)
_WORKERS = (
    select(workers.c.status, sql.count())
    .where(workers.c.deleted.is_(None), workers.c.put_away.is_(None))
    .group_by(workers.c.status)
)
# Types of which nothing waits stay in the list: whoever draws a curve wants to see it fall to 0.
_RUNNABLE = (
    select(requirements.c.task_type, sql.coalesce(sql.sum(queues.c.runnable), 0))
    .select_from(requirements)
    .outerjoin(queues, and_(queues.c.requirement_key == requirements.c.key, text(CLAIMABLE_SQL)))
    .group_by(requirements.c.task_type)
    .order_by(requirements.c.task_type)
)
_OLDEST = (
    select(sql.min(jobs.c.created))
    .select_from(queues)
    .join(jobs, jobs.c.key == queues.c.job_key)
    .where(text(CLAIMABLE_SQL))
)


def count_jobs(tx: Tx) -> JobNumbers:
    """How many jobs there are, and tasks of them; every status is there."""
    of_jobs, of_tasks = dict.fromkeys(JobStatus, 0), dict.fromkeys(TaskStatus, 0)
    for row in tx.execute(_JOBS):
        of_jobs[JobStatus(row.status)] = int(row.jobs)
        for status in TaskStatus:
            of_tasks[status] += int(getattr(row, status.column))
    return JobNumbers(of_jobs, of_tasks)


def count_workers(tx: Tx) -> dict[WorkerStatus, int]:
    """How many workers there are that were not deleted; every status is there."""
    counted = {WorkerStatus(status): int(count) for status, count in tx.execute(_WORKERS)}
    return dict.fromkeys(WorkerStatus, 0) | counted


def count_runnable(tx: Tx) -> dict[str, int]:
    """How many tasks could be given away, by task type; those of jobs that are held or not open cannot."""
    return {task_type: int(count) for task_type, count in tx.execute(_RUNNABLE)}


def oldest_waiting(tx: Tx) -> datetime | None:
    """When the oldest job was created that has a task to give away; None when there is none."""
    oldest: datetime | None = tx.execute(_OLDEST).scalar_one()
    return oldest


_HAS = select(jobs.c.key).where(text(OPEN_SQL), jobs.c.status == bindparam("status")).limit(1)
_LATEST = select(farm_status.c.status)
_PUT = text(
    "INSERT INTO farm_status (key, status) VALUES (1, :status) ON CONFLICT (key) DO UPDATE SET status = excluded.status"
    " WHERE farm_status.status <> excluded.status"
)


def has_job(tx: Tx, status: JobStatus) -> bool:
    """Whether there is a job with that status, active or queued, that is not being deleted."""
    return tx.execute(_HAS, {"status": status}).first() is not None


def latest(tx: Tx) -> FarmStatus:
    """What was found last; `starting` before anybody has looked."""
    found = tx.execute(_LATEST).scalar_one_or_none()
    return FarmStatus.STARTING if found is None else FarmStatus(found)


def put(tx: Tx, status: FarmStatus) -> bool:
    """Write down what was found; whether that is news."""
    return tx.execute(_PUT, {"status": status}).rowcount == 1


def forget(tx: Tx) -> None:
    """Nobody has looked yet."""
    tx.execute(delete(farm_status))
