"""Limits on the time of jobs' tasks, and which of the tasks that are being run fall under some.

Nothing here is asked while a worker asks or reports; those of a job that has any come with its lock, see `heard`.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, delete, insert, select, text

from flamenco.domain.time_limits import NO_LIMITS, JobTimeLimits
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.scheduling.queues import decode_names
from flamenco.store.schema import ACTIVE_SQL, job_time_limits, jobs, queues, requirements, tasks

_encode = msgspec.json.Encoder().encode
_decode = lru_cache(maxsize=1024)(msgspec.json.Decoder(JobTimeLimits).decode)

_INSERT = insert(job_time_limits)
_DELETE = delete(job_time_limits).where(job_time_limits.c.job_key == bindparam("of_job"))
_OF_JOB = Ready(select(job_time_limits.c.limits).where(job_time_limits.c.job_key == bindparam("of_job")))


def of_job(tx: Tx, job_key: int) -> JobTimeLimits:
    """What is said of the tasks of a job."""
    return read(_OF_JOB.scalar(tx, of_job=job_key))


def read(limits: str | None) -> JobTimeLimits:
    """What is kept of a job in the column `limits`, which came with something else; None where there is none."""
    return NO_LIMITS if limits is None else _decode(limits)


def save(tx: Tx, job_key: int, limits: JobTimeLimits) -> None:
    """Say that of the tasks of a job that has nothing said of them. `JobState.has_time_limits` goes with it."""
    if limits:
        tx.execute(_INSERT, {"job_key": job_key, "limits": _encode(limits).decode()})


def replace(tx: Tx, job_key: int, limits: JobTimeLimits) -> None:
    """Say that of the tasks of a locked job, instead of what was said before."""
    tx.execute(_DELETE, {"of_job": job_key})
    save(tx, job_key, limits)


class Running(NamedTuple):
    """A task that is being run, as far as its limits go by it; `limits` are those of its job."""

    key: int
    id: str
    job_id: str
    job_key: int
    task_type: str
    commands: tuple[str, ...]
    attempt: int
    activated: datetime | None
    steps: int
    activity: str
    limits: JobTimeLimits


_SEEN = (
    *(tasks.c.key, tasks.c.uuid, jobs.c.uuid.label("job_id"), tasks.c.job_key, tasks.c.type, requirements.c.commands),
    *(tasks.c.attempts, tasks.c.activated, tasks.c.steps_completed, tasks.c.activity, job_time_limits.c.limits),
)
_RUNNING = (
    select(*_SEEN)
    .select_from(tasks)
    .join(jobs, jobs.c.key == tasks.c.job_key)
    .join(queues, queues.c.key == tasks.c.queue_key)
    .join(requirements, requirements.c.key == queues.c.requirement_key)
    .outerjoin(job_time_limits, job_time_limits.c.job_key == tasks.c.job_key)
    .where(text(ACTIVE_SQL))
)
_LIMITED = _RUNNING.where(jobs.c.has_time_limits)
_ANY = Ready(select(job_time_limits.c.job_key).where(job_time_limits.c.job_key > 0).limit(1))  # a step in an index
_LONG = _RUNNING.where(tasks.c.activated < bindparam("before"), jobs.c.completed_runs >= bindparam("least_done"))


def limited(tx: Tx) -> list[Running]:
    """The tasks that are being run of jobs that have limits."""
    return [_running(row) for row in tx.execute(_LIMITED)] if _ANY.scalar(tx) else []


def running(tx: Tx) -> list[Running]:
    """All tasks that are being run."""
    return [_running(row) for row in tx.execute(_RUNNING)]


def long_running(tx: Tx, before: datetime, least_done: int) -> list[Running]:
    """The tasks that have been run since `before`, of jobs of which so many tasks at least are done."""
    return [_running(row) for row in tx.execute(_LONG, {"before": before, "least_done": least_done})]


def _running(row: Any) -> Running:
    return Running._make((*row[:5], decode_names(row.commands), *row[6:10], read(row.limits)))
