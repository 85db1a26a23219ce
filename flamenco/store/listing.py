"""Lists for people to look at: one query each, with the columns that are shown and no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Raw
from sqlalchemy import ColumnElement, Select, Text, bindparam, select, text, type_coerce
from sqlalchemy import func as sql

from flamenco.collector import collector_paused
from flamenco.domain.listing import JobQuery, JobSummary, Page, TaskQuery
from flamenco.domain.model import TaskSummary, TaskWorker
from flamenco.store import filters
from flamenco.store.engine import Tx
from flamenco.store.schema import ACTIVE_SQL, job_blocks, jobs, tags, task_failures, tasks, workers

_JOB_COLUMNS: list[Any] = [
    *(type_coerce(column, Text) for column in (jobs.c.settings, jobs.c.metadata)),  # as they are stored
    *(jobs.c[name] for name in ("uuid", "name", "type", "priority", "status", "activity", "created", "updated")),
    sql.coalesce(tags.c.uuid, ""),
    *(jobs.c[name] for name in ("shaman_checkout_id", "steps_completed", "steps_total")),
]
_JOB_SUMMARY = select(*_JOB_COLUMNS).outerjoin(tags, tags.c.key == jobs.c.tag_key)


@collector_paused()
def jobs_matching(tx: Tx, query: JobQuery) -> list[JobSummary]:
    """The jobs that `query` asks for and nobody wants deleted; in the order of submission where it names none."""
    statement = _JOB_SUMMARY.where(*filters.of_jobs(query))
    columns = {name: jobs.c[name] for name in ("created", "updated", "name", "priority", "status", "type")}
    statement = _paged(statement.order_by(*_order(query.order_by, columns), jobs.c.key), query.page)
    rows: Sequence[Any] = tx.execute(statement).all()
    return [JobSummary(Raw(row[0]), Raw(row[1]), *row[2:]) for row in rows]


_SUMMARY = (
    select(
        tasks.c.uuid,
        tasks.c.name,
        tasks.c.status,
        tasks.c.index_in_job,
        tasks.c.priority,
        tasks.c.type,
        tasks.c.updated,
        tasks.c.steps_completed,
        tasks.c.steps_total,
        tasks.c.worker_key,
        workers.c.uuid,
        workers.c.name,
        workers.c.address,
        workers.c.deleted,
    )
    .join(jobs, jobs.c.key == tasks.c.job_key)
    .outerjoin(workers, workers.c.key == tasks.c.worker_key)
    .where(jobs.c.uuid == bindparam("job_id"), jobs.c.delete_requested.is_(None))
)


@collector_paused()
def tasks_matching(tx: Tx, job_id: str, query: TaskQuery) -> list[TaskSummary]:
    """The tasks of a job that `query` asks for, in the order their script added them where it names none.

    A job that does not exist has none.
    """
    statement = _SUMMARY.where(*filters.of_tasks(query))
    names = ("index_in_job", "updated", "name", "priority", "status")
    columns = {name: tasks.c[name] for name in names} | {"task_type": tasks.c.type}
    ordered = statement.order_by(*_order(query.order_by, columns), tasks.c.index_in_job)
    known: dict[int | None, TaskWorker | None] = {None: None}
    found = []
    for row in tx.execute(_paged(ordered, query.page), {"job_id": job_id}).all():
        # By their places: with very many rows, looking for each by its name is what takes longest.
        task_id, name, status, index, priority, kind, updated, completed, total, worker_key, *of_worker = row
        if worker_key not in known:
            known[worker_key] = _task_worker(*of_worker)
        found.append(
            TaskSummary(
                id=task_id,
                name=name,
                status=status,
                index=index,
                priority=priority,
                type=kind,
                updated=updated,
                steps_completed=completed,
                steps_total=total,
                worker=known[worker_key],
            )
        )
    return found


_WORKER = select(workers.c.uuid, workers.c.name, workers.c.address, workers.c.deleted)
_WORKER_BY_KEY = _WORKER.where(workers.c.key == bindparam("worker_key"))


def _task_worker(worker_id: str, name: str, address: str, deleted: datetime | None) -> TaskWorker:
    """Of a worker that was deleted nothing is shown but its id."""
    return TaskWorker(worker_id, "", "") if deleted else TaskWorker(worker_id, name, address)


def task_worker(tx: Tx, worker_key: int | None) -> TaskWorker | None:
    """The worker of a task, as lists show it."""
    row = tx.execute(_WORKER_BY_KEY, {"worker_key": worker_key}).one_or_none()
    return _task_worker(*row) if row else None


_FAILED_BY = (
    _WORKER.join(task_failures, task_failures.c.worker_key == workers.c.key)
    .where(task_failures.c.task_key == bindparam("task_key"))
    .order_by(workers.c.key)
)


def failed_by(tx: Tx, task_key: int) -> list[TaskWorker]:
    """The workers that failed a task, by their names still when they were deleted."""
    return [TaskWorker(row.uuid, row.name, row.address) for row in tx.execute(_FAILED_BY, {"task_key": task_key})]


_OF_WORKER = select(tasks.c.key).where(tasks.c.worker_key == bindparam("worker_key")).limit(1)
_ACTIVE_TASK = _OF_WORKER.where(text(ACTIVE_SQL)).order_by(tasks.c.key.desc())
_LAST_TASK = _OF_WORKER.where(tasks.c.activated.is_not(None)).order_by(tasks.c.activated.desc(), tasks.c.key.desc())


def last_task_key(tx: Tx, worker_key: int) -> int | None:
    """The task that a worker is on, else the one that it was given last, else None.

    Not the one that changed last: for that, every update of a task would have to change one more index.
    """
    of_worker = {"worker_key": worker_key}
    active: int | None = tx.execute(_ACTIVE_TASK, of_worker).scalar_one_or_none()
    return active if active is not None else tx.execute(_LAST_TASK, of_worker).scalar_one_or_none()


_BLOCKLIST = (
    select(workers.c.uuid, workers.c.name, job_blocks.c.task_type)
    .join(workers, workers.c.key == job_blocks.c.worker_key)
    .join(jobs, jobs.c.key == job_blocks.c.job_key)
    .where(jobs.c.uuid == bindparam("job_id"), jobs.c.delete_requested.is_(None))
    .order_by(workers.c.name, workers.c.key, job_blocks.c.task_type)
)


def blocklist(tx: Tx, job_id: str) -> list[tuple[str, str, str]]:
    """Who is blocked in a job: UUID and name of the worker, and the task type, by names."""
    return [(row.uuid, row.name, row.task_type) for row in tx.execute(_BLOCKLIST, {"job_id": job_id})]


def _order(names: Sequence[str], columns: dict[str, Any]) -> list[ColumnElement[Any]]:
    return [columns[name.removeprefix("-")].desc() if name.startswith("-") else columns[name].asc() for name in names]


def _paged(statement: Select[Any], page: Page) -> Select[Any]:
    if page.limit is not None:
        statement = statement.limit(page.limit)
    return statement.offset(page.offset) if page.offset else statement
