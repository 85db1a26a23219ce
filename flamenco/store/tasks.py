"""Tasks: reading them, changing one or many, and what depends on what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Integer, bindparam, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.model import Command, JobState, Task, TaskState
from flamenco.domain.statuses import RUNNABLE_TASK, TaskStatus
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready, Row
from flamenco.store.rows import Rows, member_of
from flamenco.store.schema import ACTIVE_SQL, jobs, tags, task_dependencies, tasks

_decode_commands = msgspec.json.Decoder(tuple[Command, ...]).decode
_KEPT: Final[dict[str, Any]] = {
    "elsewhere": {"id": tasks.c.uuid, "index": tasks.c.index_in_job, "job_id": jobs.c.uuid},
    "made": {"status": member_of(TaskStatus)},
    "saved": (
        *("status", "activity", "updated", "worker_key", "last_touched", "activated", "steps_completed"),
        *("attempts", "log_begins"),
    ),
}
STATE = Rows(TaskState, tasks, **_KEPT)
WHOLE = Rows(Task, tasks, **_KEPT | {"made": {"status": member_of(TaskStatus), "commands": _decode_commands}})
SELECT = select(*STATE.columns).join(jobs, jobs.c.key == tasks.c.job_key)
SELECT_WHOLE = select(*WHOLE.columns).join(jobs, jobs.c.key == tasks.c.job_key)
_BY_ID, _WHOLE_BY_ID = (
    Ready(statement.where(tasks.c.uuid == bindparam("id"), jobs.c.delete_requested.is_(None)))
    for statement in (SELECT, SELECT_WHOLE)
)
_BY_KEY, _WHOLE_BY_KEY = (
    Ready(statement.where(tasks.c.key == bindparam("task_key"))) for statement in (SELECT, SELECT_WHOLE)
)


def fetch(tx: Tx, task_id: str) -> TaskState:
    """The task with UUID `task_id`. Raises `NotFound`, also when somebody wants its job deleted."""
    return STATE.read(_there(_BY_ID.first(tx, id=task_id), task_id))


def fetch_whole(tx: Tx, task_id: str) -> Task:
    """As `fetch`, with its commands."""
    return WHOLE.read(_there(_WHOLE_BY_ID.first(tx, id=task_id), task_id))


def fetch_by_key(tx: Tx, task_key: int) -> TaskState:
    """The task with that row number. Raises `NotFound` when it was deleted meanwhile, with its job."""
    return STATE.read(_there(_BY_KEY.first(tx, task_key=task_key)))


def fetch_whole_by_key(tx: Tx, task_key: int) -> Task:
    """As `fetch_by_key`, with its commands."""
    return WHOLE.read(_there(_WHOLE_BY_KEY.first(tx, task_key=task_key)))


def _there(row: Row | None, task_id: str = "") -> Row:
    if row is None:
        raise NotFound(f"There is no task {task_id}." if task_id else "The task was deleted meanwhile.")
    return row


# The job is named first, and so locked first, as by everybody else. The task is locked as well: what waited for the
# job's lock is then told the task as it is by now, which PostgreSQL does for locked rows alone.
_LOCK = Ready(
    select(*job_store.STATE.columns, *STATE.columns)
    .join_from(jobs, tasks, tasks.c.job_key == jobs.c.key)
    .outerjoin(tags, tags.c.key == jobs.c.tag_key)
    .where(tasks.c.uuid == bindparam("id"), jobs.c.delete_requested.is_(None))
    .with_for_update(of=[jobs, tasks])
)
_WIDTH_OF_JOB: Final = len(job_store.STATE.columns)


def lock(tx: Tx, task_id: str) -> tuple[JobState, TaskState]:
    """The task with UUID `task_id` and its job, both kept from changing until the transaction ends. Raises `NotFound`.

    Also when somebody wants the job deleted.
    """
    row = _there(_LOCK.first(tx, id=task_id), task_id)
    return job_store.STATE.read(row), STATE.read(row[_WIDTH_OF_JOB:])


def of_job(tx: Tx, job_key: int) -> list[Task]:
    """All tasks of a job, in the order its script added them."""
    statement = SELECT_WHOLE.where(tasks.c.job_key == job_key).order_by(tasks.c.index_in_job)
    return [WHOLE.read(row) for row in tx.execute(statement)]


_ACTIVE_OF_WORKER = SELECT.where(text(ACTIVE_SQL), tasks.c.worker_key == bindparam("worker_key"))
_ALL_ACTIVE = SELECT.where(text(ACTIVE_SQL))
_FAILED_BY = SELECT.where(
    tasks.c.job_key == bindparam("job_key"),
    tasks.c.worker_key == bindparam("worker_key"),
    tasks.c.status == TaskStatus.FAILED,
).order_by(tasks.c.index_in_job)
_TOUCHED = (
    select(tasks.c.uuid, tasks.c.last_touched)
    .where(text(ACTIVE_SQL), tasks.c.last_touched.is_not(None))
    .order_by(tasks.c.last_touched)
)


def active_of_worker(tx: Tx, worker_key: int) -> list[TaskState]:
    """The tasks that the worker is running."""
    return [STATE.read(row) for row in tx.execute(_ACTIVE_OF_WORKER, {"worker_key": worker_key})]


def all_active(tx: Tx) -> list[TaskState]:
    """Every task that some worker is running."""
    return [STATE.read(row) for row in tx.execute(_ALL_ACTIVE)]


def failed_by_worker(tx: Tx, job_key: int, worker_key: int) -> list[TaskState]:
    """The failed tasks of a job that were last with this worker."""
    return [STATE.read(row) for row in tx.execute(_FAILED_BY, {"job_key": job_key, "worker_key": worker_key})]


def active_touched(tx: Tx) -> dict[str, datetime]:
    """The active tasks, by UUID, and when each was heard of last; the most forgotten first."""
    return {row.uuid: row.last_touched for row in tx.execute(_TOUCHED)}


def in_statuses(tx: Tx, job_key: int, statuses: Iterable[TaskStatus], most: int) -> list[TaskState]:
    """At most so many of the tasks of a job that are in one of `statuses`, in the order its script added them."""
    found = SELECT.where(tasks.c.job_key == job_key, tasks.c.status.in_(sorted(statuses)))
    return [STATE.read(row) for row in tx.execute(found.order_by(tasks.c.index_in_job).limit(most))]


def one_of_each_queue(tx: Tx, job_key: int, status: TaskStatus) -> list[TaskState]:
    """Of the tasks of a job that are in `status`, one for each thing that they require of workers."""
    first = select(sql.min(tasks.c.key)).where(tasks.c.job_key == job_key, tasks.c.status == status)
    found = SELECT.where(tasks.c.key.in_(first.group_by(tasks.c.queue_key))).order_by(tasks.c.index_in_job)
    return [STATE.read(row) for row in tx.execute(found)]


def save(tx: Tx, before: TaskState, now: TaskState) -> None:
    """Write what has changed of a task, with what a server is sent next.

    Raises `Conflict` when its status is not the one from `before` any more, at the latest at the end.
    """

    def check(count: int) -> None:
        if not count:
            raise Conflict(f"Task {now.id} changed meanwhile; it is not {before.status} any more.")

    STATE.write_later(tx, now.key, STATE.changes(before, now), check, status=before.status)


_TOUCH = Ready(update(tasks).where(tasks.c.key == bindparam("task_key")).values(last_touched=bindparam("now")))


def touch(tx: Tx, task_key: int, now: datetime) -> None:
    """Note that the task's worker was heard of."""
    _TOUCH.run(tx, task_key=task_key, now=now)


_DEPENDENTS = (
    select(task_dependencies.c.task_key)
    .where(task_dependencies.c.dependency_key == bindparam("completed"))
    .limit(bindparam("most", type_=Integer))
)
_CHANGE_UNMET = Ready(
    update(tasks)
    .where(tasks.c.key.in_(_DEPENDENTS))
    .values(unmet=tasks.c.unmet + bindparam("more"))
    .returning(tasks.c.queue_key, tasks.c.status, tasks.c.unmet)
)


_ALL = 2**31 - 1


class Told(NamedTuple):
    """What came of telling those that depend on a task."""

    runnable: dict[int, int]
    """Per queue, how many of them became runnable; negative: are not any more."""
    number: int
    """How many were told."""


def let_go(tx: Tx, task_key: int, most: int) -> Told:
    """A task was completed: tell `most` of those that depend on it, at most."""
    return _change_unmet(tx, task_key, -1, most)


def hold(tx: Tx, task_key: int) -> Told:
    """A task is completed no more: tell all that depend on it, so that none of them begins."""
    return _change_unmet(tx, task_key, 1, _ALL)


def _change_unmet(tx: Tx, task_key: int, more: int, most: int) -> Told:
    changed: dict[int, int] = {}
    rows = _CHANGE_UNMET.all_with_those(tx, "tasks", task_key, completed=task_key, more=more, most=most)
    for row in rows:
        if row.status in RUNNABLE_TASK and row.unmet == max(0, more):
            changed[row.queue_key] = changed.get(row.queue_key, 0) - more
    return Told(changed, len(rows))
