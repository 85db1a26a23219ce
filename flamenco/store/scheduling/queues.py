"""Queues: the tasks of a job that are alike to whoever hands them out, counted, and offered at the job's rank.

Alike are tasks of one type with the same commands: the same workers can run them, and the same limits are on them.
What those are is a requirement, one row per combination in the whole farm, so that whoever looks for work first finds
out which requirements are met and then walks along the queues of those alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import bindparam, insert, select, text, update

from flamenco.domain.model import AuthoredTask, Job, JobState
from flamenco.domain.scheduling.values import Placement
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.scheduling import limits
from flamenco.store.schema import jobs, queues, requirements

_encode = msgspec.json.Encoder().encode
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode


class Kind(NamedTuple):
    """What tasks of one queue have in common: their type, and the names of their commands, in order."""

    task_type: str
    commands: tuple[str, ...]


class Queue(NamedTuple):
    """A queue of a job, and what is required of its workers."""

    key: int
    task_type: str
    commands: tuple[str, ...]
    limits: tuple[str, ...]
    runnable: int


def kind_of(task: AuthoredTask) -> Kind:
    """The queue a task belongs to."""
    if len(task.commands) == 1:
        return Kind(task.type, (task.commands[0].name,))
    return Kind(task.type, tuple(sorted({command.name for command in task.commands})))


def insert_queues(tx: Tx, job: Job, authored: Iterable[AuthoredTask], placement: Placement) -> dict[Kind, int]:
    """Make the queues of a new job. Returns their row numbers."""
    runnable: dict[Kind, int] = {}
    for task in authored:
        kind = kind_of(task)
        runnable[kind] = runnable.get(kind, 0) + (not task.unmet)
    keys = {}
    for kind, count in runnable.items():
        values = {
            "job_key": job.key,
            "requirement_key": _requirement(tx, kind, _limit_names(tx, kind.task_type, placement)),
            "runnable": count,
            "rank": placement.rank if job.is_open else None,
        }
        keys[kind] = int(tx.execute(_INSERT, values).scalar_one())
    return keys


_INSERT = insert(queues).returning(queues.c.key)
_OF_JOB = Ready(
    select(queues.c.key, requirements.c.task_type, requirements.c.commands, requirements.c.limits, queues.c.runnable)
    .join(requirements, requirements.c.key == queues.c.requirement_key)
    .where(queues.c.job_key == bindparam("of_job"))
    .order_by(queues.c.key)
)


def of_job(tx: Tx, job_key: int) -> list[Queue]:
    """The queues of a job."""
    return [
        Queue(row.key, row.task_type, decode_names(row.commands), decode_names(row.limits), row.runnable)
        for row in _OF_JOB.all(tx, of_job=job_key)
    ]


def decode_names(text_of_list: str) -> tuple[str, ...]:
    """The names in a column of a requirement."""
    return _decode_names(text_of_list)


_FIND = select(requirements.c.key).where(
    requirements.c.task_type == bindparam("task_type"),
    requirements.c.commands == bindparam("commands"),
    requirements.c.limits == bindparam("limits"),
)
# Of two that need a new one at once, PostgreSQL lets the later one wait here; then it finds that of the earlier one.
_ADD = text(
    "INSERT INTO requirements (task_type, commands, limits) VALUES (:task_type, :commands, :limits)"
    " ON CONFLICT DO NOTHING"
)


def _requirement(tx: Tx, kind: Kind, limit_names: tuple[str, ...]) -> int:
    values = {
        "task_type": kind.task_type,
        "commands": _encode(kind.commands).decode(),
        "limits": _encode(limit_names).decode(),
    }
    key = tx.execute(_FIND, values).scalar_one_or_none()
    if key is None:
        tx.execute(_ADD, values)
        key = tx.execute(_FIND, values).scalar_one()
    return int(key)


def _limit_names(tx: Tx, task_type: str, placement: Placement) -> tuple[str, ...]:
    on_type = placement.limits.get(task_type, ())
    limits.declare(tx, on_type)
    return limits.names(on_type)


_SET_REQUIREMENT = (
    update(queues).where(queues.c.key == bindparam("queue_key")).values(requirement_key=bindparam("requirement"))
)


def limit(tx: Tx, job: Job, placement: Placement) -> None:
    """Put the limits of `placement` on the queues of a locked job, in place of those it had."""
    for queue in of_job(tx, job.key):
        names = _limit_names(tx, queue.task_type, placement)
        if names != queue.limits:
            if job.counts.active:
                limits.count_running(tx, job.key, queue.key, set(names) - set(queue.limits))
            required = _requirement(tx, Kind(queue.task_type, queue.commands), names)
            tx.execute(_SET_REQUIREMENT, {"queue_key": queue.key, "requirement": required})


_OPEN = Ready(
    update(queues)
    .where(queues.c.job_key == bindparam("of_job"))
    .values(rank=select(jobs.c.rank).where(jobs.c.key == queues.c.job_key).scalar_subquery())
)
_CLOSE = Ready(update(queues).where(queues.c.job_key == bindparam("of_job")).values(rank=None))


def offer(tx: Tx, job: JobState) -> None:
    """Offer the job's tasks to workers at the job's rank, or withdraw them when it is not open."""
    (_OPEN if job.is_open else _CLOSE).run(tx, of_job=job.key)


_ADD_RUNNABLE = Ready(
    update(queues).where(queues.c.key == bindparam("queue_key")).values(runnable=queues.c.runnable + bindparam("more"))
)


def add_runnable(tx: Tx, queue_key: int, more: int) -> None:
    """Count `more` runnable tasks in a queue, or fewer when negative."""
    _ADD_RUNNABLE.later(tx, "queues", queue_key, queue_key=queue_key, more=more)


def add_all_runnable(tx: Tx, more: Mapping[int, int]) -> None:
    """The same in several queues, by their row numbers."""
    for queue_key, number in more.items():
        if number:
            add_runnable(tx, queue_key, number)


_HAS_RUNNABLE = select(queues.c.key).where(queues.c.job_key == bindparam("of_job"), queues.c.runnable > 0).limit(1)


def has_runnable(tx: Tx, job_key: int) -> bool:
    """Whether any task of a job waits for nothing but a worker."""
    return tx.execute(_HAS_RUNNABLE, {"of_job": job_key}).first() is not None
