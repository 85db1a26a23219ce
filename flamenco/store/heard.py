"""What workers say of their tasks all the time, each in one statement: to a server, every further one is a round trip.

Worker and task are looked at together, as they are at one moment; what is to be changed by them is changed where they
are as expected, and by nobody's lock but the database's on the row itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import and_, bindparam, case, exists, literal, select, true, update
from sqlalchemy import func as sql

from flamenco.domain.model import JobState, NumberedSpeaker, Speaker, TaskState, Worker
from flamenco.domain.statuses import TaskStatus
from flamenco.domain.time_limits import JobTimeLimits
from flamenco.store import jobs as job_store
from flamenco.store import tasks as task_store
from flamenco.store import time_limits, turns
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import job_time_limits, jobs, log_followers, tags, task_dependencies, tasks, workers


class Heard(NamedTuple):
    """As much as is asked for each line of a log, of a worker and of the task that it speaks of.

    All of the task is None where that is not there, or its job is to be deleted. `logs_are_followed`: somebody follows
    the log of some task.
    """

    sign_ons: int
    last_seen: datetime | None
    job_id: str | None
    worker_key: int | None
    status: str | None
    last_touched: datetime | None
    logs_are_followed: bool


Moments: TypeAlias = tuple[datetime, datetime]
"""Two moments: a worker is noted that was heard of between them, for which nothing has to be written."""

_SPEAKS = and_(
    workers.c.deleted.is_(None),
    workers.c.last_seen > bindparam("after"),
    workers.c.last_seen < bindparam("before"),
)
_SIGNED_ON = workers.c.sign_ons <= bindparam("sign_on")
"""No other program has signed on as the worker since."""

_THE_TASK = tasks.join(jobs, and_(jobs.c.key == tasks.c.job_key, jobs.c.delete_requested.is_(None)))
_LOOK = Ready(
    select(
        *(workers.c.sign_ons, workers.c.last_seen),
        *(jobs.c.uuid, tasks.c.worker_key, tasks.c.status, tasks.c.last_touched),
        exists(select(log_followers.c.pattern)),
    )
    .select_from(workers.outerjoin(_THE_TASK, tasks.c.uuid == bindparam("id")))
    .where(workers.c.key == bindparam("worker_key"), workers.c.deleted.is_(None))
)


def look(tx: Tx, worker_key: int, task_id: str) -> Heard | None:
    """What is asked of the worker with that row number and the task with that UUID; None without such a worker."""
    row = _LOOK.first(tx, worker_key=worker_key, id=task_id)
    return None if row is None else Heard(*row)


# It is so from the beginning of a job to its end.
_IS_WAITED_FOR = exists().where(task_dependencies.c.dependency_key == tasks.c.key)
# Not joined: with one join more to go through once the lock was waited for, a cycle took a seventh longer on a server.
_OF_JOB = select(job_time_limits.c.limits).where(job_time_limits.c.job_key == jobs.c.key).scalar_subquery()
_LIMITS = case((jobs.c.has_time_limits, _OF_JOB))
# Where a worker is to be noted as well, this finds nothing: whoever changes both locks the worker before the job.
# The job is named before the task, and so locked first; see `tasks.lock`.
_LOCK = (
    select(
        *(*worker_store.ROWS.columns, *job_store.STATE.columns, *task_store.STATE.columns),
        *(_LIMITS.label("limits"), _IS_WAITED_FOR),
    )
    .select_from(workers)
    .join(jobs, true())
    .join(tasks, tasks.c.job_key == jobs.c.key)
    .outerjoin(tags, tags.c.key == jobs.c.tag_key)
    .where(
        _SPEAKS,
        workers.c.key == bindparam("worker_key"),
        tasks.c.uuid == bindparam("id"),
        jobs.c.delete_requested.is_(None),
    )
    .with_for_update(of=[jobs, tasks])
)
_IN_TURN = _LOCK.join(
    turns.turn(select(tasks.c.job_key).where(tasks.c.uuid == bindparam("id")).scalar_subquery()), true()
)
_LOCK_FOR_NUMBERED = {"sqlite": Ready(_LOCK.where(_SIGNED_ON)), "postgresql": Ready(_IN_TURN.where(_SIGNED_ON))}
_LOCK_FOR_ANY = {"sqlite": Ready(_LOCK), "postgresql": Ready(_IN_TURN)}
_LOCKED_JOB: Final = len(worker_store.ROWS.columns)
_LOCKED_TASK: Final = _LOCKED_JOB + len(job_store.STATE.columns)


class Locked(NamedTuple):
    """The worker that speaks, and the task that it speaks of and its job, both kept from changing.

    `limits` are those on the time of the job's tasks, as they were before the lock was waited for. `is_waited_for`:
    there are tasks that wait for this one.
    """

    worker: Worker
    job: JobState
    task: TaskState
    limits: JobTimeLimits
    is_waited_for: bool


def lock(tx: Tx, speaker: Speaker, task_id: str, noted: Moments) -> Locked | None:
    """As `workers.find_by_key` and `tasks.lock`, at once; None where either is not there, or the worker not noted."""
    values = {"id": task_id, "worker_key": speaker.key, "after": noted[0], "before": noted[1]}
    if isinstance(speaker, NumberedSpeaker):
        row = _LOCK_FOR_NUMBERED[tx.dialect.name].first(tx, **values, sign_on=speaker.sign_on)
    else:
        row = _LOCK_FOR_ANY[tx.dialect.name].first(tx, **values)
    if row is None:
        return None
    return Locked(
        worker=worker_store.ROWS.read(row),
        job=job_store.STATE.read(row[_LOCKED_JOB:]),
        task=task_store.STATE.read(row[_LOCKED_TASK:]),
        limits=time_limits.read(row[-2]),
        is_waited_for=bool(row[-1]),
    )


_TELL = (
    update(tasks)
    .where(
        tasks.c.uuid == bindparam("id"),
        tasks.c.worker_key == bindparam("worker_key"),
        tasks.c.status == literal(TaskStatus.ACTIVE),
        ~exists().where(jobs.c.key == tasks.c.job_key, jobs.c.delete_requested.is_not(None)),
    )
    .values(
        activity=sql.coalesce(bindparam("new_activity", type_=tasks.c.activity.type), tasks.c.activity),
        updated=bindparam("now"),
        last_touched=bindparam("now"),
    )
)
_OF_WORKER = workers.c.key == tasks.c.worker_key
_TELL_OF_NUMBERED = Ready(_TELL.where(exists().where(_OF_WORKER, _SPEAKS, _SIGNED_ON)))
_TELL_OF_ANY = Ready(_TELL.where(exists().where(_OF_WORKER, _SPEAKS)))


def tell(tx: Tx, speaker: Speaker, task_id: str, activity: str | None, now: datetime, noted: Moments) -> bool:
    """Note what a worker says of a task that it is running, and that the task was heard of; whether it is running it.

    Nothing happens where the worker is not the one that speaks any more, or not noted.

    Of all changes to a task, this one alone is made without its job: nothing is counted of it. A job that ends its
    tasks meanwhile, under its lock, comes before or after it, and so the task is not this worker's or is ended.
    """
    values: dict[str, Any] = {"id": task_id, "worker_key": speaker.key, "new_activity": activity, "now": now}
    values |= {"after": noted[0], "before": noted[1]}
    if isinstance(speaker, NumberedSpeaker):
        return _TELL_OF_NUMBERED.run(tx, **values, sign_on=speaker.sign_on) == 1
    return _TELL_OF_ANY.run(tx, **values) == 1
