"""Tasks that failed in ways that not `task_failures` alone knows, and those that wait before they are tried again.

What waits for a moment has one more in `tasks.unmet`, as if it waited for another task: so nobody who asks for work
comes by it, and nothing new is asked for there. All of it is changed with the job locked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, text, update

from flamenco.domain.model import TaskState
from flamenco.domain.statuses import RUNNABLE_TASK, TaskStatus
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.scheduling import queues
from flamenco.store.schema import RETRY_LATER_SQL, jobs, task_retries, tasks

_OF_TASK: Final = task_retries.c.task_key == bindparam("of_task")
_COUNTS: Final = Ready(select(task_retries.c.tries, task_retries.c.free).where(_OF_TASK))
_BEGIN: Final = insert(task_retries)
_COUNT: Final = (
    update(task_retries)
    .where(_OF_TASK)
    .values(
        tries=task_retries.c.tries + bindparam("more_tries"),
        free=task_retries.c.free + bindparam("more_free"),
    )
)
_PUT_OFF: Final = update(task_retries).where(_OF_TASK).values(not_before=bindparam("until"))
_ONE_MORE: Final = update(tasks).where(tasks.c.key == bindparam("of_task")).values(unmet=tasks.c.unmet + 1)


def counts(tx: Tx, task_key: int) -> tuple[int, int]:
    """How many failures count for the task and keep nobody from it, and how many do not count at all."""
    row = _COUNTS.first(tx, of_task=task_key)
    return (0, 0) if row is None else (row.tries, row.free)


def count(tx: Tx, task: TaskState, *, tries: int = 0, free: int = 0) -> None:
    """Count more of these."""
    if _COUNTS.first(tx, of_task=task.key) is None:
        tx.execute(_BEGIN, {"task_key": task.key, "job_key": task.job_key})
    tx.execute(_COUNT, {"of_task": task.key, "more_tries": tries, "more_free": free})


def put_off(tx: Tx, task: TaskState, until: datetime) -> None:
    """Have a task that was counted wait for a moment; it is not to wait for one already."""
    tx.execute(_PUT_OFF, {"of_task": task.key, "until": until})
    tx.execute(_ONE_MORE, {"of_task": task.key})


_LATER: Final = text(RETRY_LATER_SQL)
_WAIT: Final = Ready(
    select(task_retries.c.task_key).where(task_retries.c.job_key == bindparam("of_job"), _LATER).limit(1)
)
_DUE: Final = (
    select(task_retries.c.job_key, task_retries.c.not_before)
    .join(jobs, jobs.c.key == task_retries.c.job_key)
    .where(_LATER, task_retries.c.not_before <= bindparam("now"), jobs.c.delete_requested.is_(None))
    .order_by(task_retries.c.not_before)
    .limit(bindparam("most"))
)


def wait(tx: Tx, job_key: int) -> bool:
    """Whether any task of the job waits for a moment."""
    return _WAIT.first(tx, of_job=job_key) is not None


def due(tx: Tx, now: datetime, most: int) -> list[int]:
    """The row numbers of jobs, in their order, with tasks whose moment has come; of at most so many tasks."""
    return sorted({row.job_key for row in tx.execute(_DUE, {"now": now, "most": most})})


_KEYS: Any = bindparam("keys", expanding=True)
_ONE_LESS: Final = (
    update(tasks)
    .where(tasks.c.key.in_(_KEYS))
    .values(unmet=tasks.c.unmet - 1)
    .returning(tasks.c.queue_key, tasks.c.status, tasks.c.unmet)
)
_GO: Final = update(task_retries).where(task_retries.c.task_key.in_(_KEYS)).values(not_before=None)
_OF_JOB_DUE: Final = (
    select(task_retries.c.task_key)
    .where(task_retries.c.job_key == bindparam("of_job"), _LATER, task_retries.c.not_before <= bindparam("now"))
    .order_by(task_retries.c.task_key)
    .limit(bindparam("most"))
)


def let_go(tx: Tx, job_key: int, now: datetime, most: int) -> int:
    """Have tasks of a locked job whose moment has come be tried again, at most so many; how many those were."""
    keys = list(tx.execute(_OF_JOB_DUE, {"of_job": job_key, "now": now, "most": most}).scalars())
    _go(tx, keys)
    return len(keys)


def _go(tx: Tx, keys: Sequence[int]) -> None:
    if not keys:
        return
    tx.execute(_GO, {"keys": list(keys)})
    runnable: dict[int, int] = {}
    for row in tx.execute(_ONE_LESS, {"keys": list(keys)}):
        if row.status in RUNNABLE_TASK and not row.unmet:
            runnable[row.queue_key] = runnable.get(row.queue_key, 0) + 1
    queues.add_all_runnable(tx, runnable)


_OF_ONE: Final = (task_retries.c.task_key == bindparam("of_task"),)
_OF_JOB: Final = (task_retries.c.job_key == bindparam("of_job"),)
_IN_STATUS: Final = (
    *_OF_JOB,
    task_retries.c.task_key.in_(
        select(tasks.c.key).where(tasks.c.job_key == bindparam("of_job"), tasks.c.status == bindparam("in_status"))
    ),
)


def forget_task(tx: Tx, task_key: int) -> None:
    """A fresh start for a task of a locked job, which does not wait any more either."""
    _forget(tx, _OF_ONE, {"of_task": task_key})


def forget_job(tx: Tx, job_key: int) -> None:
    """The same for all tasks of a locked job."""
    _forget(tx, _OF_JOB, {"of_job": job_key})


def forget_tasks(tx: Tx, job_key: int, status: TaskStatus) -> None:
    """The same for those that are in that status."""
    _forget(tx, _IN_STATUS, {"of_job": job_key, "in_status": status.value})


def _forget(tx: Tx, which: Sequence[Any], values: Mapping[str, Any]) -> None:
    _go(tx, list(tx.execute(select(task_retries.c.task_key).where(*which, _LATER), values).scalars()))
    tx.execute(delete(task_retries).where(*which), values)
