"""Tasks that wait for a worker, by what they need of one; read now and then, to find those that wait in vain."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, select, text, union

from flamenco.domain.model import JobState, TaskState
from flamenco.domain.scheduling.explanation import WaitingGroup
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx
from flamenco.store.scheduling.queues import decode_names
from flamenco.store.schema import (
    CLAIMABLE_SQL,
    OPEN_SQL,
    RUNNABLE_SQL,
    job_blocks,
    jobs,
    queues,
    requirements,
    tags,
    task_failures,
    tasks,
    worker_tags,
)


class Need(NamedTuple):
    """What tasks of open jobs need of a worker; `tag_key` is None for jobs that anybody may work on."""

    requirement: int
    task_type: str
    commands: tuple[str, ...]
    tag_key: int | None
    tag: str


_NEEDS = (
    select(queues.c.requirement_key, requirements.c.task_type, requirements.c.commands, jobs.c.tag_key, tags.c.name)
    .join(jobs, jobs.c.key == queues.c.job_key)
    .join(requirements, requirements.c.key == queues.c.requirement_key)
    .outerjoin(tags, tags.c.key == jobs.c.tag_key)
    .where(text(CLAIMABLE_SQL))
    .distinct()
)


def needs(tx: Tx) -> list[Need]:
    """What is needed of workers at the moment: few, however many jobs there are."""
    return [Need(row[0], row[1], decode_names(row[2]), row[3], row[4] or "") for row in tx.execute(_NEEDS)]


class Told(NamedTuple):
    """A job, and what people read of it."""

    job_key: int
    activity: str


def jobs_with(tx: Tx, need: Need) -> list[Told]:
    """The open jobs with tasks that need just that, and could be run."""
    same_tag = jobs.c.tag_key.is_(None) if need.tag_key is None else jobs.c.tag_key == need.tag_key
    statement = (
        select(jobs.c.key, jobs.c.activity)
        .join(queues, queues.c.job_key == jobs.c.key)
        .where(text(CLAIMABLE_SQL), queues.c.requirement_key == need.requirement, same_tag)
    )
    return [Told(*row) for row in tx.execute(statement)]


def jobs_told(tx: Tx, beginning: str) -> list[Told]:
    """The open jobs of which people read what begins like that."""
    statement = select(jobs.c.key, jobs.c.activity).where(
        text(OPEN_SQL), jobs.c.activity.startswith(beginning, autoescape=True)
    )
    return [Told(*row) for row in tx.execute(statement)]


def members(tx: Tx) -> frozenset[tuple[int, int]]:
    """Which worker has which tag."""
    return frozenset((row[0], row[1]) for row in tx.execute(select(worker_tags.c.worker_key, worker_tags.c.tag_key)))


_BLOCKED = select(job_blocks.c.job_key).join(jobs, jobs.c.key == job_blocks.c.job_key).where(text(OPEN_SQL))
_FAILED = (
    select(task_failures.c.job_key)
    .join(tasks, tasks.c.key == task_failures.c.task_key)
    .join(jobs, jobs.c.key == task_failures.c.job_key)
    .where(text(OPEN_SQL), text(RUNNABLE_SQL))
)


def troubled(tx: Tx) -> list[int]:
    """The open jobs in which workers are blocked, or failed what is to be tried again."""
    return sorted(tx.execute(union(_BLOCKED, _FAILED)).scalars())


_IN_QUEUE = task_store.SELECT.where(tasks.c.queue_key == bindparam("of_queue"), text(RUNNABLE_SQL)).order_by(
    tasks.c.index_in_job
)
_FAILURES = select(task_failures.c.task_key, task_failures.c.worker_key).where(
    task_failures.c.job_key == bindparam("of_job")
)


def tasks_of(tx: Tx, job: JobState, group: WaitingGroup) -> list[TaskState]:
    """The tasks of a group that could be handed out, were there anybody."""
    failed_by: dict[int, set[int]] = {}
    for task_key, worker_key in tx.execute(_FAILURES, {"of_job": job.key}):
        failed_by.setdefault(task_key, set()).add(worker_key)
    found = (task_store.STATE.read(row) for row in tx.execute(_IN_QUEUE, {"of_queue": group.queue_key}))
    return [task for task in found if failed_by.get(task.key, set()) == group.failed_by]
