"""Attempts at tasks that are over. One that is not has no row: it is the task itself, while that is active.

So none can be open twice, or open for a task that nobody runs; and giving out a task, which is the same update of its
row as ever, costs nothing more. An end is one insertion, in the transaction that ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import bindparam, delete, insert, or_, select, text
from sqlalchemy import func as sql

from flamenco.domain.attempts import KEPT, Attempt, Ended, Outcome, Place
from flamenco.domain.model import TaskState, TaskWorker
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import ACTIVE_SQL, attempts, limit_uses, rolled_up, tasks, workers

_INSERT = insert(attempts).values({name: bindparam(name) for name in Ended.__struct_fields__}).inline()
_END = Ready(_INSERT)
_RELEASE = Ready(delete(limit_uses).where(limit_uses.c.task_key == bindparam("task_key")))
_PRUNE = delete(attempts).where(
    attempts.c.task_key == bindparam("of_task"),
    attempts.c.number <= bindparam("last"),
    attempts.c.key <= select(rolled_up.c.counted).scalar_subquery(),  # others are still to be summed up
)


def end(tx: Tx, ended: Ended) -> None:
    """Note an attempt that is over; what it had of limited things is given back."""
    _RELEASE.later(tx, "limit_uses", ended.task_key, task_key=ended.task_key)
    _END.later(tx, "attempts", ended.task_key, **asdict(ended))
    if ended.number >= 2 * KEPT and ended.number % KEPT == 0:
        tx.execute(_PRUNE, {"of_task": ended.task_key, "last": ended.number - KEPT})


def end_each(tx: Tx, ended: Iterable[Ended]) -> None:
    """Note attempts at several tasks that are over. What they had is for the caller to give back."""
    _END.run_each(tx, [asdict(each) for each in ended])


_SEEN = (
    *(tasks.c.uuid.label("task_id"), tasks.c.index_in_job.label("task_index"), tasks.c.name.label("task_name")),
    *(attempts.c.number, sql.coalesce(workers.c.uuid, "").label("worker_id")),
    sql.coalesce(workers.c.name, "").label("worker_name"),
    *(attempts.c.started, attempts.c.ended, attempts.c.seconds, attempts.c.outcome, attempts.c.reason),
    *(attempts.c.steps, attempts.c.log_begins),
)
_SELECT = (
    select(*_SEEN, attempts.c.key)
    .select_from(attempts)
    .join(tasks, tasks.c.key == attempts.c.task_key)
    .outerjoin(workers, workers.c.key == attempts.c.worker_key)
)
_OF_ONE_TASK = _SELECT.where(attempts.c.task_key == bindparam("of_task")).order_by(attempts.c.number)
_PAGE = (
    _SELECT.where(
        attempts.c.job_key == bindparam("of_job"),
        attempts.c.ended >= bindparam("since"),
        or_(attempts.c.ended > bindparam("since"), attempts.c.key > bindparam("after")),
    )
    .order_by(attempts.c.ended, attempts.c.key)
    .limit(bindparam("most"))
)
_PAGE_BEFORE = _PAGE.where(attempts.c.started < bindparam("until"))


def of_task(tx: Tx, task_key: int) -> list[Attempt]:
    """The attempts at a task that are over, in their order."""
    return [_attempt(row) for row in tx.execute(_OF_ONE_TASK, {"of_task": task_key})]


def of_job(tx: Tx, job_key: int, after: Place, until: datetime | None, most: int) -> list[tuple[Place, Attempt]]:
    """Attempts at tasks of a job that are over, by when they ended, from a place on; begun before `until`."""
    values = {"of_job": job_key, "since": after.ended, "after": after.key, "most": most}
    rows = tx.execute(_PAGE_BEFORE, values | {"until": until}) if until else tx.execute(_PAGE, values)
    return [(Place(row.ended, row.key), _attempt(row)) for row in rows]


def _attempt(row: Any) -> Attempt:
    values = {name: getattr(row, name) for name in Attempt.__struct_fields__}
    return Attempt(**values | {"outcome": Outcome(row.outcome)})


_ACTIVE_OF_JOB = task_store.SELECT.where(text(ACTIVE_SQL), tasks.c.job_key == bindparam("of_job"))


def active_of_job(tx: Tx, job_key: int) -> list[TaskState]:
    """The tasks of a job that are being run: the attempts at it that are not over."""
    return [task_store.STATE.read(row) for row in tx.execute(_ACTIVE_OF_JOB, {"of_job": job_key})]


_WORKERS_OF_JOB = (
    select(tasks.c.key, workers.c.uuid, workers.c.name, workers.c.address)
    .join(workers, workers.c.key == tasks.c.worker_key)
    .where(text(ACTIVE_SQL), tasks.c.job_key == bindparam("of_job"))
)


def workers_of_job(tx: Tx, job_key: int) -> dict[int, TaskWorker]:
    """Who is at a job's tasks now, by the key of the task."""
    return {row.key: TaskWorker(*row[1:]) for row in tx.execute(_WORKERS_OF_JOB, {"of_job": job_key})}


# Found by their jobs, so as not to look for each task's; some at a time, as there may be many more than tasks.
_OF_JOBS = attempts.c.job_key.in_(bindparam("of_jobs", expanding=True))
_SOME_OF_JOBS: Any = select(attempts.c.key).where(_OF_JOBS).limit(bindparam("most"))
_DELETE_SOME = delete(attempts).where(attempts.c.key.in_(_SOME_OF_JOBS))


def delete_some(tx: Tx, job_keys: Sequence[int], most: int) -> int:
    """Forget attempts at tasks of some jobs, at most so many. Returns how many."""
    return int(tx.execute(_DELETE_SOME, {"of_jobs": job_keys, "most": most}).rowcount)
