"""Tasks of a job page by page, and the status of every one of them, however many they are.

None of the orders but that of the tasks themselves has an index: rows of tasks are rewritten all the time, and each
index would be too. What there is to look through is one job, of which little is read but what it is sorted by.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Float, bindparam, case, cast, func, select
from sqlalchemy import func as sql

from flamenco.domain.listing import ListedTask, TaskFilter
from flamenco.domain.model import TaskWorker
from flamenco.domain.paging import Slice
from flamenco.domain.statuses import TaskStatus
from flamenco.store import filters, pages
from flamenco.store.elapsed import milliseconds_between
from flamenco.store.engine import Tx
from flamenco.store.pages import Found, Order, Pages, number_order, text_order
from flamenco.store.schema import task_failures, tasks, workers

_PROGRESS = case((tasks.c.steps_total > 0, cast(tasks.c.steps_completed, Float) / tasks.c.steps_total), else_=0.0)
# By the name that one had which was deleted, too: a hundred thousand times less to look at.
_WITH_WORKERS = tasks.outerjoin(workers, workers.c.key == tasks.c.worker_key)

ORDERS: Final = {
    "index": number_order(tasks.c.index_in_job),
    "name": text_order(tasks.c.name),
    "status": text_order(tasks.c.status, is_short=True),
    "updated": Order(tasks.c.updated, datetime),
    "priority": number_order(tasks.c.priority),
    "worker": Order(sql.coalesce(workers.c.name, ""), str, _WITH_WORKERS, computed=True),
    "type": text_order(tasks.c.type),
    "progress": Order(_PROGRESS, float, computed=True),
    "duration": Order(milliseconds_between(tasks.c.activated, tasks.c.last_touched), int, computed=True),
}
_PAGES = Pages(tasks.c.key, ORDERS)

_FAILED_BY = select(sql.count()).where(task_failures.c.task_key == tasks.c.key).scalar_subquery()
_COLUMNS: list[Any] = [
    *(tasks.c[name] for name in ("key", "uuid", "index_in_job", "name", "type", "status", "priority", "updated")),
    *(tasks.c[name] for name in ("activity", "steps_completed", "steps_total", "activated")),
    _FAILED_BY,
    *(workers.c[name] for name in ("uuid", "name", "deleted")),
]
_ROWS = select(*_COLUMNS).outerjoin(workers, workers.c.key == tasks.c.worker_key)
_SHOWN = _ROWS.where(tasks.c.key.in_(bindparam("keys", expanding=True)))
_AT = _ROWS.where(tasks.c.job_key == bindparam("of_job"), tasks.c.index_in_job == bindparam("number"))

LETTERS: Final = {
    TaskStatus.ACTIVE: "a",
    TaskStatus.CANCELED: "c",
    TaskStatus.COMPLETED: "d",
    TaskStatus.FAILED: "f",
    TaskStatus.PAUSED: "p",
    TaskStatus.QUEUED: "q",
    TaskStatus.SOFT_FAILED: "s",
}
"""What stands for each status where all tasks of a job are shown at once."""


def page(tx: Tx, job_key: int, asked: TaskFilter, wanted: Slice) -> Found:
    """Which tasks of a job are on the page that is wanted. Raises `Refused`."""
    conditions = [tasks.c.job_key == job_key, *filters.of_tasks(asked)]
    return _PAGES.find(tx, conditions, wanted)


def shown(tx: Tx, keys: list[int]) -> list[ListedTask]:
    """What is shown of the tasks with these numbers, in that order."""
    rows = tx.execute(_SHOWN, {"keys": keys}).all() if keys else []
    return [_listed(row) for row in pages.in_order(keys, rows)]


def at(tx: Tx, job_key: int, index: int) -> ListedTask | None:
    """The task of a job with that place in it, from 1."""
    row = tx.execute(_AT, {"of_job": job_key, "number": index}).one_or_none()
    return _listed(row) if row else None


def _listed(row: Any) -> ListedTask:
    _, uuid, index, name, kind, status, priority, updated, activity, completed, total, activated, failed, *of_worker = (
        row
    )
    worker_id, worker_name, deleted = of_worker
    return ListedTask(
        id=uuid,
        index=index,
        name=name,
        type=kind,
        status=TaskStatus(status),
        priority=priority,
        updated=updated,
        activity=activity,
        steps_completed=completed,
        steps_total=total,
        activated=activated,
        failed_by=failed,
        worker=TaskWorker(worker_id, "" if deleted else worker_name, "") if worker_id else None,
    )


def counts(tx: Tx, job_key: int, asked: TaskFilter) -> dict[TaskStatus, int]:
    """How many tasks are in each status of those that a filter leaves in, whatever their status."""
    of_job = select(tasks.c.status, sql.count()).where(tasks.c.job_key == job_key)
    counted = of_job.where(*filters.of_tasks(asked, whatever_status=True)).group_by(tasks.c.status)
    found = {TaskStatus(status): int(count) for status, count in tx.execute(counted)}
    return {status: found.get(status, 0) for status in TaskStatus}


_IN_ORDER = (
    select(case(LETTERS, value=tasks.c.status).label("letter"), tasks.c.index_in_job)
    .where(tasks.c.job_key == bindparam("of_job"))
    .order_by(tasks.c.index_in_job)
    .subquery()
)
# A hundred thousand rows of one letter each take longer to hand over than to find.
_LETTERS = {
    "sqlite": select(func.group_concat(_IN_ORDER.c.letter, "")),
    "postgresql": select(func.string_agg(_IN_ORDER.c.letter, "")),
}


def letters(tx: Tx, job_key: int) -> str:
    """The status of each task of a job, in their order, one of `LETTERS` for each."""
    found: str | None = tx.execute(_LETTERS[tx.dialect.name], {"of_job": job_key}).scalar_one()
    return found or ""
