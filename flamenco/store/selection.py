"""The jobs, tasks and workers that somebody chose, for something to be done with each: a page at a time, by row number.

What a filter means is in `filters`; a choice may as well be the ids themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy import func as sql

from flamenco.domain.access import Owner
from flamenco.domain.listing import JobFilter, TaskFilter, WorkerFilter
from flamenco.domain.model import JobState, TaskState, Worker
from flamenco.store import filters
from flamenco.store import jobs as job_store
from flamenco.store import tasks as task_store
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx
from flamenco.store.schema import jobs, tasks, workers

Conditions = list[ColumnElement[bool]]

_OWNER = (jobs.c.owner, jobs.c.owner_address)
_JOBS = job_store.SELECT.add_columns(*_OWNER)
_TASKS = task_store.SELECT.add_columns(*_OWNER)
_JOB_WIDTH, _TASK_WIDTH = len(job_store.STATE.columns), len(task_store.STATE.columns)
_IS_THERE = jobs.c.delete_requested.is_(None)


def of_jobs(chosen: JobFilter | Sequence[str], *, in_trash: bool = False) -> Conditions:
    """Which jobs: those that a filter leaves in, or those with these ids that are there, or `in_trash`."""
    if isinstance(chosen, JobFilter):
        return filters.of_jobs(chosen)
    return [jobs.c.uuid.in_(sorted(chosen)), *filters.of_jobs(JobFilter(in_trash=in_trash))]


def of_tasks(job_id: str, chosen: TaskFilter | Sequence[str]) -> Conditions:
    """Which tasks: those of a job that a filter leaves in, or those of any job with these ids."""
    if isinstance(chosen, TaskFilter):
        of_job = select(jobs.c.key).where(jobs.c.uuid == job_id).scalar_subquery()
        return [*filters.of_tasks(chosen), tasks.c.job_key == of_job, _IS_THERE]
    return [tasks.c.uuid.in_(sorted(chosen)), _IS_THERE]


def of_workers(chosen: WorkerFilter | Sequence[str]) -> Conditions:
    """Which workers, as for jobs."""
    if isinstance(chosen, WorkerFilter):
        return filters.of_workers(chosen)
    return [workers.c.uuid.in_(sorted(chosen)), workers.c.deleted.is_(None)]


def count_jobs(tx: Tx, conditions: Conditions, after: int) -> int:
    """How many jobs with row numbers above `after`."""
    return _count(tx, select(sql.count()).select_from(jobs), jobs.c.key, conditions, after)


def page_of_jobs(tx: Tx, conditions: Conditions, after: int, most: int) -> list[tuple[JobState, Owner]]:
    """The next of them, and whose they are."""
    rows = _page(tx, _JOBS, jobs.c.key, conditions, after, most)
    return [(job_store.STATE.read(row), Owner(*row[_JOB_WIDTH:])) for row in rows]


def count_tasks(tx: Tx, conditions: Conditions, after: int) -> int:
    """How many tasks with row numbers above `after`."""
    statement = select(sql.count()).select_from(tasks).join(jobs, jobs.c.key == tasks.c.job_key)
    return _count(tx, statement, tasks.c.key, conditions, after)


def page_of_tasks(tx: Tx, conditions: Conditions, after: int, most: int) -> list[tuple[TaskState, Owner]]:
    """The next of them, and whose their jobs are."""
    rows = _page(tx, _TASKS, tasks.c.key, conditions, after, most)
    return [(task_store.STATE.read(row), Owner(*row[_TASK_WIDTH:])) for row in rows]


def count_workers(tx: Tx, conditions: Conditions, after: int) -> int:
    """How many workers with row numbers above `after`."""
    return _count(tx, select(sql.count()).select_from(workers), workers.c.key, conditions, after)


def page_of_workers(tx: Tx, conditions: Conditions, after: int, most: int) -> list[Worker]:
    """The next of them."""
    return worker_store.read(_page(tx, worker_store.SELECT, workers.c.key, conditions, after, most))


def _count(tx: Tx, statement: Select[Any], key: Any, conditions: Conditions, after: int) -> int:
    return int(tx.execute(statement.where(*conditions, key > after)).scalar_one())


def _page(tx: Tx, statement: Select[Any], key: Any, conditions: Conditions, after: int, most: int) -> Iterable[Any]:
    return tx.execute(statement.where(*conditions, key > after).order_by(key).limit(most)).all()
