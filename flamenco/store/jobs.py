"""Jobs, with their counters and their queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Column, RowMapping, bindparam, insert, select, text, update
from sqlalchemy import func as sql
from sqlalchemy.exc import IntegrityError

from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.model import AuthoredJob, AuthoredTask, Job, TaskCounts
from flamenco.domain.scheduling import JobCandidate
from flamenco.domain.statuses import SCHEDULABLE_JOB, TRANSITIONAL_JOB, JobStatus, TaskStatus
from flamenco.store.engine import Tx
from flamenco.store.schema import RUNNABLE_SQL, jobs, queues, tags, task_dependencies, tasks

_COUNTS = [jobs.c[f"tasks_{status.column}"] for status in TaskStatus]
_SELECT = select(jobs, tags.c.uuid.label("tag_uuid")).outerjoin(tags, tags.c.key == jobs.c.tag_key)
_BY_ID = _SELECT.where(jobs.c.uuid == bindparam("id"))
# The tag is not locked with the job: an outer join's far side cannot be, and it does not change with the job.
_LOCK = _SELECT.where(jobs.c.key == bindparam("job_key")).with_for_update(of=jobs)
_KEY_BY_ID = select(jobs.c.key).where(jobs.c.uuid == bindparam("id"))
_INSERT_BATCH = 5_000  # rows in one executemany: enough to be fast, few enough to keep memory flat


def _job(values: RowMapping | Mapping[str, Any]) -> Job:
    return Job(
        key=values["key"],
        id=values["uuid"],
        name=values["name"],
        type=values["type"],
        priority=values["priority"],
        status=JobStatus(values["status"]),
        activity=values["activity"],
        settings=values["settings"],
        metadata=values["metadata"],
        created=values["created"],
        updated=values["updated"],
        worker_tag=values["tag_uuid"] or "",
        shaman_checkout_id=values["shaman_checkout_id"],
        delete_requested=values["delete_requested"],
        counts=TaskCounts(*(values[column.name] for column in _COUNTS)),
        steps_completed=values["steps_completed"],
        steps_total=values["steps_total"],
    )


def fetch(tx: Tx, job_id: str) -> Job:
    """The job with UUID `job_id`. Raises `NotFound`."""
    row = tx.execute(_BY_ID, {"id": job_id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return _job(row._mapping)


def lock(tx: Tx, job_key: int) -> Job:
    """The job, kept from changing until the transaction ends. Whoever changes tasks locks their job first."""
    return _job(tx.execute(_LOCK, {"job_key": job_key}).one()._mapping)


def lock_by_id(tx: Tx, job_id: str) -> Job:
    """As `lock`, by UUID. Raises `NotFound`."""
    key = tx.execute(_KEY_BY_ID, {"id": job_id}).scalar_one_or_none()
    if key is None:
        raise NotFound(f"There is no job {job_id}.")
    return lock(tx, key)


def keys_in_transition(tx: Tx) -> list[int]:
    """Jobs that stand in a status nothing should stay in."""
    statement = select(jobs.c.key).where(jobs.c.status.in_(sorted(TRANSITIONAL_JOB))).order_by(jobs.c.key)
    return list(tx.execute(statement).scalars())


def newest(tx: Tx, limit: int) -> list[Job]:
    """The `limit` newest jobs, newest first."""
    return [_job(row._mapping) for row in tx.execute(_SELECT.order_by(jobs.c.key.desc()).limit(limit))]


def insert_job(tx: Tx, job: AuthoredJob, status: JobStatus, rank: float | None, activity: str = "") -> Job:
    """Store a compiled job, all of it: tasks queued, dependencies, counters, queues. Returns it as it is stored.

    Raises `Refused` when its worker tag does not exist, or it has the UUID of another job or task.
    """
    steps = [task.steps_total for task in job.tasks]
    values: dict[str, Any] = {
        "uuid": job.id,
        "name": job.name,
        "type": job.type,
        "priority": job.priority,
        "status": status,
        "activity": activity,
        "settings": job.settings,
        "metadata": job.metadata,
        "created": job.created,
        "updated": job.created,
        "shaman_checkout_id": job.shaman_checkout_id,
        "delete_requested": None,
        "rank": rank,
        "steps_completed": 0,
        "steps_total": sum(steps),
    }
    values |= {column.name: 0 for column in _COUNTS} | {"tasks_queued": len(job.tasks)}
    inserted = values | {"tag_key": _tag_key(tx, job.worker_tag)}
    try:
        job_key: int = tx.execute(insert(jobs).returning(jobs.c.key), inserted).scalar_one()
        _insert_tasks(tx, job_key, job, steps)
    except IntegrityError as error:
        raise Refused("The job, or a task of it, has the UUID of one that is stored already.") from error
    _insert_queues(tx, job_key, job.tasks, rank if status in SCHEDULABLE_JOB else None)
    return _job(values | {"key": job_key, "tag_uuid": job.worker_tag})


def _tag_key(tx: Tx, tag_id: str) -> int | None:
    if not tag_id:
        return None
    key = tx.execute(select(tags.c.key).where(tags.c.uuid == tag_id)).scalar_one_or_none()
    if key is None:
        raise Refused(f"There is no worker tag {tag_id}.")
    return int(key)


_TASK_COLUMNS = [
    tasks.c[name]
    for name in (
        *("uuid", "job_key", "index_in_job", "name", "type", "priority", "status"),
        *("commands", "created", "updated", "steps_total", "unmet"),
    )
]


def _insert_tasks(tx: Tx, job_key: int, job: AuthoredJob, steps: Sequence[int]) -> None:
    created = _driver_value(tx, tasks.c.created, job.created)
    encode = msgspec.json.Encoder().encode
    rows = (
        (
            *(task.id, job_key, index, task.name, task.type, task.priority, TaskStatus.QUEUED.value),
            *(encode(task.commands).decode(), created, created, steps_total, len(task.dependencies)),
        )
        for index, (task, steps_total) in enumerate(zip(job.tasks, steps, strict=True), start=1)
    )
    _insert_many(tx, _TASK_COLUMNS, rows)
    if any(task.dependencies for task in job.tasks):
        in_order = tx.execute(select(tasks.c.key).where(tasks.c.job_key == job_key).order_by(tasks.c.index_in_job))
        keys = dict(zip((task.id for task in job.tasks), in_order.scalars(), strict=True))
        pairs = ((keys[task.id], keys[other]) for task in job.tasks for other in task.dependencies)
        _insert_many(tx, [task_dependencies.c.task_key, task_dependencies.c.dependency_key], pairs)


def _insert_many(tx: Tx, columns: Sequence[Column[Any]], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows of values as the driver takes them, in the order of `columns`.

    Past SQLAlchemy's look at every value, which for a hundred thousand rows takes longer than the database does.
    """
    mark = {"sqlite": "?", "postgresql": "%s"}[tx.dialect.name]
    names, marks = ", ".join(column.name for column in columns), ", ".join([mark] * len(columns))
    statement = f"INSERT INTO {columns[0].table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    iterator = iter(rows)
    while batch := list(islice(iterator, _INSERT_BATCH)):
        tx.exec_driver_sql(statement, batch)


def _driver_value(tx: Tx, column: Column[Any], value: Any) -> Any:
    """What SQLAlchemy would hand to the driver for `value`."""
    process = column.type.dialect_impl(tx.dialect).bind_processor(tx.dialect)
    return value if process is None else process(value)


def _insert_queues(tx: Tx, job_key: int, authored: Sequence[AuthoredTask], rank: float | None) -> None:
    runnable: dict[str, int] = {}
    for task in authored:
        runnable[task.type] = runnable.get(task.type, 0) + (not task.dependencies)
    if runnable:
        rows = [{"job_key": job_key, "task_type": t, "runnable": n, "rank": rank} for t, n in runnable.items()]
        tx.execute(insert(queues), rows)


_SAVE = update(jobs).where(jobs.c.key == bindparam("job_key"))


def save(tx: Tx, job: Job) -> None:
    """Write back what may change of a locked job: status, activity, priority, counters, times."""
    values: dict[str, Any] = {
        "status": job.status,
        "activity": job.activity,
        "priority": job.priority,
        "updated": job.updated,
        "steps_completed": job.steps_completed,
        "steps_total": job.steps_total,
    }
    values |= {f"tasks_{status.column}": job.counts.of(status) for status in TaskStatus}
    tx.execute(_SAVE, {"job_key": job.key, **values})


_OPEN_QUEUES = (
    update(queues)
    .where(queues.c.job_key == bindparam("of_job"))
    .values(rank=select(jobs.c.rank).where(jobs.c.key == queues.c.job_key).scalar_subquery())
)
_CLOSE_QUEUES = update(queues).where(queues.c.job_key == bindparam("of_job")).values(rank=None)


def open_queues(tx: Tx, job_key: int, *, is_open: bool) -> None:
    """Offer the job's tasks to workers at the job's rank, or withdraw them."""
    tx.execute(_OPEN_QUEUES if is_open else _CLOSE_QUEUES, {"of_job": job_key})


_ADD_RUNNABLE = (
    update(queues)
    .where(queues.c.job_key == bindparam("of_job"), queues.c.task_type == bindparam("of_type"))
    .values(runnable=queues.c.runnable + bindparam("more"))
)


def add_runnable(tx: Tx, job_key: int, task_type: str, more: int) -> None:
    """Count `more` runnable tasks of a type, or fewer when negative."""
    tx.execute(_ADD_RUNNABLE, {"of_job": job_key, "of_type": task_type, "more": more})


_RECOUNT_QUEUES = (
    update(queues)
    .where(queues.c.job_key == bindparam("of_job"))
    .values(
        runnable=select(sql.count())
        .select_from(tasks)
        .where(tasks.c.job_key == queues.c.job_key, tasks.c.type == queues.c.task_type, text(RUNNABLE_SQL))
        .scalar_subquery()
    )
)


def recount_queues(tx: Tx, job_key: int) -> None:
    """Count the runnable tasks of a job anew, after many of them changed."""
    tx.execute(_RECOUNT_QUEUES, {"of_job": job_key})


def candidate(job: Job | AuthoredJob) -> JobCandidate:
    """The job as scheduling policies see it."""
    return JobCandidate(
        id=job.id,
        name=job.name,
        type=job.type,
        priority=job.priority,
        created=job.created,
        metadata=job.metadata,
        settings=job.settings,
        worker_tag=job.worker_tag,
        counts=job.counts if isinstance(job, Job) else TaskCounts(queued=len(job.tasks)),
    )


_SET_RANK = update(jobs).where(jobs.c.key == bindparam("job_key")).values(rank=bindparam("new_rank"))


def set_rank(tx: Tx, job: Job, rank: float | None) -> None:
    """Give a locked job its place among the jobs; None holds it back."""
    tx.execute(_SET_RANK, {"job_key": job.key, "new_rank": rank})
    open_queues(tx, job.key, is_open=job.status in SCHEDULABLE_JOB)
