"""Tasks of a job by their frames; and those that are cut out of others, with all that depends on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.job_waits import Span
from flamenco.domain.model import Command, Task, TaskState
from flamenco.domain.previews import Wave
from flamenco.domain.statuses import TaskStatus
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import task_dependencies, tasks
from flamenco.store.tasks import SELECT, SELECT_WHOLE, STATE, WHOLE

_KEYS: Final[Any] = bindparam("keys", expanding=True)
_OF_JOB = tasks.c.job_key == bindparam("of_job")
_SPANS = (
    select(tasks.c.key, tasks.c.frame_first, tasks.c.frame_last)
    .where(_OF_JOB, tasks.c.frame_first <= bindparam("last"), tasks.c.frame_last >= bindparam("first"))
    .order_by(tasks.c.frame_first, tasks.c.key)
)
_THERE = text("SELECT min(frame_first), max(frame_last) FROM tasks WHERE job_key = :of_job AND frame_first IS NOT NULL")
_THESE = SELECT_WHOLE.add_columns(tasks.c.frame_first, tasks.c.frame_last).where(tasks.c.key.in_(_KEYS))
_STATES = SELECT.where(tasks.c.key.in_(_KEYS)).order_by(tasks.c.index_in_job)
_WIDTH: Final = len(WHOLE.columns)


def spans(tx: Tx, job_key: int, span: Span) -> Iterator[tuple[int, Span]]:
    """The tasks of a job, by row number, that have frames within a span; from which to which."""
    found = tx.execute(_SPANS, {"of_job": job_key, "first": span.first, "last": span.last})
    for row in found:
        yield row.key, Span(row.frame_first, row.frame_last)


def frames_of_job(tx: Tx, job_key: int) -> Span | None:
    """From which frame to which the tasks of a job go; None where none says anything of frames."""
    first, last = tx.execute(_THERE, {"of_job": job_key}).one()
    return None if first is None else Span(first, last)


def whole(tx: Tx, keys: Sequence[int]) -> list[tuple[Task, Span]]:
    """Tasks with frames by their row numbers, in the order of the job."""
    rows = tx.execute(_THESE.order_by(tasks.c.index_in_job), {"keys": list(keys)})
    return [(WHOLE.read(row), Span(*row[_WIDTH:])) for row in rows]


def states(tx: Tx, keys: Sequence[int]) -> list[TaskState]:
    """Tasks by their row numbers, in the order of the job."""
    return [STATE.read(row) for row in tx.execute(_STATES, {"keys": list(keys)})]


_TURN = select(tasks.c.ord, tasks.c.wave).where(tasks.c.key == bindparam("task_key"))


def turn(tx: Tx, task_key: int) -> tuple[int, Wave]:
    """When a task's turn is among those of its kind, and whether it is one of those that are looked at first."""
    row = tx.execute(_TURN, {"task_key": task_key}).one()
    return row.ord, Wave(row.wave)


_ON = select(task_dependencies.c.dependency_key).where(task_dependencies.c.task_key == bindparam("task_key"))
_DEPENDENT = select(task_dependencies.c.task_key).where(task_dependencies.c.dependency_key.in_(_KEYS)).distinct()
_THAT_RAN = (
    select(task_dependencies.c.task_key)
    .join(tasks, tasks.c.key == task_dependencies.c.task_key)
    .where(
        task_dependencies.c.dependency_key.in_(_KEYS),
        tasks.c.status.in_([TaskStatus.ACTIVE.value, TaskStatus.COMPLETED.value]),
    )
    .distinct()
)


def dependencies(tx: Tx, task_key: int) -> list[int]:
    """The tasks that one depends on, by their row numbers."""
    return list(tx.execute(_ON, {"task_key": task_key}).scalars())


def dependents(tx: Tx, keys: Sequence[int], *, that_ran: bool = False) -> set[int]:
    """The tasks that depend on any of these; or only those that are completed, or run."""
    return set(tx.execute(_THAT_RAN if that_ran else _DEPENDENT, {"keys": list(keys)}).scalars())


_LAST = Ready(select(sql.max(tasks.c.index_in_job)).where(_OF_JOB))
_NARROW = Ready(
    update(tasks)
    .where(tasks.c.key == bindparam("task_key"))
    .values(
        commands=bindparam("new_commands"),
        frame_first=bindparam("first"),
        frame_last=bindparam("last"),
        steps_total=bindparam("total"),
        steps_completed=bindparam("done"),
        updated=bindparam("now"),
    )
)
_SAY = update(tasks).where(tasks.c.key.in_(_KEYS)).values(activity=bindparam("said"))


def last_index(tx: Tx, job_key: int) -> int:
    """The number of the last task of a locked job."""
    return int(_LAST.scalar(tx, of_job=job_key) or 0)


def narrow(tx: Tx, task: TaskState, commands: Sequence[Command], span: Span, now: datetime) -> None:
    """Have a task of a locked job do something else from its next attempt on; its steps are those of `task`."""
    _NARROW.run(
        tx,
        task_key=task.key,
        new_commands=msgspec.json.encode(commands).decode(),
        first=span.first,
        last=span.last,
        total=task.steps_total,
        done=task.steps_completed,
        now=now,
    )


def say(tx: Tx, keys: Sequence[int], activity: str) -> None:
    """What new tasks say of themselves."""
    tx.execute(_SAY, {"keys": list(keys), "said": activity})
