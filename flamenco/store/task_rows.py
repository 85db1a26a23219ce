"""Tasks, and what depends on what, as rows that go to the driver past SQLAlchemy: many thousands at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Column, bindparam, select

from flamenco.collector import collector_paused
from flamenco.domain.model import AuthoredTask
from flamenco.domain.statuses import TaskStatus
from flamenco.domain.task_frames import frames_of
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues
from flamenco.store.schema import task_dependencies, tasks

_INSERT_BATCH = 5_000  # rows in one executemany: enough to be fast, few enough to keep memory flat
_TASK_COLUMNS = [
    tasks.c[name]
    for name in (
        *("uuid", "job_key", "queue_key", "index_in_job", "name", "type", "priority", "status"),
        *("commands", "created", "updated", "steps_total", "unmet", "optional", "ord", "wave"),
        *("frame_first", "frame_last"),
    )
]
_NO_FRAMES = (None, None)
_PAIR_COLUMNS = [task_dependencies.c.task_key, task_dependencies.c.dependency_key]
_KEYS = (
    select(tasks.c.key)
    .where(tasks.c.job_key == bindparam("of_job"), tasks.c.index_in_job >= bindparam("first"))
    .order_by(tasks.c.index_in_job)
)


@collector_paused()
def insert_tasks(
    tx: Tx,
    job_key: int,
    authored: Sequence[AuthoredTask],
    created: datetime,
    sorted_in: Mapping[queues.Kind, int],
    first: int = 1,
) -> None:
    """Store tasks of a job, the first of them as that many-th of the job, in queues that are there already."""
    moment = _driver_value(tx, tasks.c.created, created)
    encode = msgspec.json.Encoder().encode
    rows = (
        (
            *(task.id, job_key, sorted_in[queues.kind_of(task)], index),
            *(task.name, task.type, task.priority, TaskStatus.QUEUED.value),
            *(encode(task.commands).decode(), moment, moment, task.steps_total, task.unmet),
            *(task.optional, task.ord, int(task.wave), *(frames_of(task.commands, task.frames) or _NO_FRAMES)),
        )
        for index, task in enumerate(authored, start=first)
    )
    _insert_many(tx, _TASK_COLUMNS, rows)


def keys(tx: Tx, job_key: int, first: int = 1) -> Sequence[int]:
    """The row numbers of a job's tasks in their order, from the `first` on."""
    return tx.execute(_KEYS, {"of_job": job_key, "first": first}).scalars().all()


def insert_dependencies(tx: Tx, pairs: Iterable[tuple[int, int]]) -> None:
    """Store which task waits for which, by their row numbers."""
    _insert_many(tx, _PAIR_COLUMNS, pairs)


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
