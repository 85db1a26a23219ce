"""Which worker failed which task, and which worker is blocked from which task type of which job."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy import func as sql

from flamenco.domain.job_workers import EVERYBODY
from flamenco.domain.model import JobState, TaskState
from flamenco.domain.statuses import TaskStatus
from flamenco.store import job_workers, retries
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.scheduling.queues import decode_names
from flamenco.store.schema import job_blocks, jobs, queues, requirements, task_failures, tasks, worker_tags, workers

_FAILED_BEFORE = select(task_failures.c.task_key).where(
    task_failures.c.task_key == bindparam("task_key"), task_failures.c.worker_key == bindparam("worker_key")
)


def has_failed(tx: Tx, task_key: int, worker_key: int) -> bool:
    """Whether that worker is known to have failed that task."""
    return tx.execute(_FAILED_BEFORE, {"task_key": task_key, "worker_key": worker_key}).first() is not None


def add_failure(tx: Tx, task: TaskState, worker_key: int, now: datetime, *, counts: bool = True) -> None:
    """Note that this worker failed this task; once is enough. The job is locked.

    One that does not count only keeps the worker from the task.
    """
    if has_failed(tx, task.key, worker_key):
        return
    tx.execute(
        insert(task_failures),
        {
            "task_key": task.key,
            "worker_key": worker_key,
            "job_key": task.job_key,
            "task_type": task.type,
            "created": now,
            "counts": counts,
        },
    )


_FAILED_BY = (
    select(sql.count())
    .select_from(task_failures)
    .where(task_failures.c.task_key == bindparam("task_key"), task_failures.c.counts)
)
_OTHERS_FAILED = Ready(
    select(sql.count())
    .select_from(task_failures)
    .where(task_failures.c.task_key == bindparam("task_key"), task_failures.c.worker_key != bindparam("worker_key"))
)
_FAILED_IN_JOB = (
    select(sql.count())
    .select_from(task_failures)
    .where(
        task_failures.c.job_key == bindparam("job_key"),
        task_failures.c.worker_key == bindparam("worker_key"),
        task_failures.c.task_type == bindparam("task_type"),
    )
)


def workers_that_failed(tx: Tx, task_key: int) -> int:
    """How many distinct workers failed the task, as far as that counts; and how often else it was tried."""
    tries, _ = retries.counts(tx, task_key)
    return tries + int(tx.execute(_FAILED_BY, {"task_key": task_key}).scalar_one())


def others_that_failed(tx: Tx, task_key: int, worker_key: int) -> int:
    """How many workers beside this one failed the task, counted or not."""
    return int(_OTHERS_FAILED.scalar(tx, task_key=task_key, worker_key=worker_key) or 0)


def failed_by_worker(tx: Tx, task: TaskState, worker_key: int) -> int:
    """How many distinct tasks of this task's type the worker failed in this task's job."""
    arguments = {"job_key": task.job_key, "worker_key": worker_key, "task_type": task.type}
    return int(tx.execute(_FAILED_IN_JOB, arguments).scalar_one())


_COMMANDS = (
    select(requirements.c.commands)
    .join(queues, queues.c.requirement_key == requirements.c.key)
    .where(queues.c.key == bindparam("of_queue"))
)


def workers_left(tx: Tx, job: JobState, task: TaskState) -> int:
    """How many workers could still run the task, whatever they do at the moment.

    Not deleted or put away, approved, supporting its type and its commands, members of the job's tag if it has one,
    among those that the job is for, not blocked from the type in it, and not among those that failed the task.
    """
    blocked = select(job_blocks.c.worker_key).where(
        job_blocks.c.job_key == task.job_key, job_blocks.c.task_type == task.type
    )
    failed = select(task_failures.c.worker_key).where(task_failures.c.task_key == task.key)
    statement = select(workers.c.task_types, workers.c.commands, workers.c.key).where(
        *(workers.c.deleted.is_(None), workers.c.approved, workers.c.put_away.is_(None)),
        *(workers.c.key.not_in(blocked), workers.c.key.not_in(failed)),
    )
    if job.worker_tag:
        members = select(worker_tags.c.worker_key).join(jobs, jobs.c.tag_key == worker_tags.c.tag_key)
        statement = statement.where(workers.c.key.in_(members.where(jobs.c.key == job.key)))
    meant = job_workers.of_job(tx, job.key) if job.worker_rules else EVERYBODY
    its_tags = job_workers.members(tx) if job.worker_rules else {}
    needed = set(decode_names(tx.execute(_COMMANDS, {"of_queue": task.queue_key}).scalar_one()))
    return sum(
        task.type in row.task_types
        and (row.commands is None or needed.issubset(row.commands))
        and meant.include(row.key, its_tags.get(row.key, ()))
        for row in tx.execute(statement)
    )


_BLOCKED_BEFORE = select(job_blocks.c.job_key).where(
    job_blocks.c.job_key == bindparam("job_key"),
    job_blocks.c.worker_key == bindparam("worker_key"),
    job_blocks.c.task_type == bindparam("task_type"),
)


def block(tx: Tx, task: TaskState, worker_key: int, now: datetime) -> None:
    """Give the worker no more tasks of this task's type in this job. The job is locked."""
    block_from(tx, task.job_key, worker_key, task.type, now)


def block_from(tx: Tx, job_key: int, worker_key: int, task_type: str, now: datetime, blocked_by: str = "") -> bool:
    """Give the worker no more tasks of a type in a locked job, because of failures, or of what somebody says.

    Whether that is new.
    """
    block = {"job_key": job_key, "worker_key": worker_key, "task_type": task_type}
    if tx.execute(_BLOCKED_BEFORE, block).first():
        return False
    tx.execute(insert(job_blocks), {**block, "created": now, "blocked_by": blocked_by})
    return True


def is_blocked(tx: Tx, job_key: int, worker_key: int, task_type: str) -> bool:
    """Whether the worker gets no tasks of that type in that job."""
    block = {"job_key": job_key, "worker_key": worker_key, "task_type": task_type}
    return tx.execute(_BLOCKED_BEFORE, block).first() is not None


def unblock(tx: Tx, job_key: int, worker_id: str, task_type: str) -> None:
    """Give the worker tasks of that type in that job again. The job is locked."""
    of_worker = select(workers.c.key).where(workers.c.uuid == worker_id).scalar_subquery()
    tx.execute(
        delete(job_blocks).where(
            job_blocks.c.job_key == job_key,
            job_blocks.c.worker_key == of_worker,
            job_blocks.c.task_type == task_type,
        )
    )


def unblock_type(tx: Tx, job_key: int, task_type: str) -> None:
    """Give everybody tasks of that type in that job again, but whom people have blocked. The job is locked."""
    after_failures = (job_blocks.c.job_key == job_key, job_blocks.c.blocked_by == "")
    tx.execute(delete(job_blocks).where(*after_failures, job_blocks.c.task_type == task_type))


def forget_task(tx: Tx, task_key: int) -> None:
    """A fresh start for a task: nobody failed it, and it does not wait to be tried again."""
    retries.forget_task(tx, task_key)
    tx.execute(delete(task_failures).where(task_failures.c.task_key == task_key))


def forget_tasks(tx: Tx, job_key: int, status: TaskStatus) -> None:
    """The same for the tasks of a locked job that are in `status`."""
    retries.forget_tasks(tx, job_key, status)
    those = select(tasks.c.key).where(tasks.c.job_key == job_key, tasks.c.status == status)
    tx.execute(delete(task_failures).where(task_failures.c.job_key == job_key, task_failures.c.task_key.in_(those)))


def forget_job(tx: Tx, job_key: int) -> None:
    """A fresh start for a job: nobody failed anything in it, nobody is blocked but by people."""
    retries.forget_job(tx, job_key)
    tx.execute(delete(task_failures).where(task_failures.c.job_key == job_key))
    tx.execute(delete(job_blocks).where(job_blocks.c.job_key == job_key, job_blocks.c.blocked_by == ""))
