"""Tasks that are put into another order: some at a time, so that nobody waits for long.

The order that is wanted is noted in the job first, so that whoever finds one that is not done yet can go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select, text, update

from flamenco.domain.frame_order import Placed
from flamenco.domain.job_waits import Span
from flamenco.domain.previews import Wave
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import REORDERING_SQL, jobs, tasks

_THE_JOB = jobs.c.key == bindparam("of_job")
_OF_JOB = select(jobs.c.frame_order, jobs.c.reordering).where(_THE_JOB)
_SET = update(jobs).where(_THE_JOB).values(frame_order=bindparam("order"), reordering=True)
_DONE = update(jobs).where(_THE_JOB).values(reordering=False)
_UNDONE = select(jobs.c.key).where(text(REORDERING_SQL), jobs.c.delete_requested.is_(None)).order_by(jobs.c.key)
_HAS_FRAMES = (
    select(tasks.c.key).where(tasks.c.job_key == bindparam("of_job"), tasks.c.frame_first.is_not(None)).limit(1)
)


def of_job(tx: Tx, job_key: int) -> str:
    """The order of a job, in words; empty where its script has put its tasks."""
    return str(tx.execute(_OF_JOB, {"of_job": job_key}).one().frame_order)


def has_frames(tx: Tx, job_key: int) -> bool:
    """Whether any of its tasks is about frames."""
    return tx.execute(_HAS_FRAMES, {"of_job": job_key}).first() is not None


def begin(tx: Tx, job_key: int, order: str) -> None:
    """Note which order a locked job is to have; its tasks are still to be put into it."""
    tx.execute(_SET, {"of_job": job_key, "order": order})


def is_wanted(tx: Tx, job_key: int, order: str) -> bool:
    """Whether the tasks of a locked job are still to be put into that order."""
    return tx.execute(_OF_JOB, {"of_job": job_key}).one() == (order, True)


def done(tx: Tx, job_key: int) -> None:
    """All of its tasks are where they are to be."""
    tx.execute(_DONE, {"of_job": job_key})


def unfinished(tx: Tx) -> Sequence[int]:
    """Jobs of which tasks are still to be put into another order."""
    return tx.execute(_UNDONE).scalars().all()


class Place(NamedTuple):
    """Where a task is."""

    task_key: int
    ord: int


_TASKS = (
    select(*(tasks.c[n] for n in ("key", "ord", "queue_key", "priority", "frame_first", "frame_last", "wave")))
    .where(tasks.c.job_key == bindparam("of_job"))
    .order_by(tasks.c.index_in_job)
)


def of_tasks(tx: Tx, job_key: int) -> tuple[list[Place], list[Placed]]:
    """Where the tasks of a job are, and what their places are to go by, in the order of its script."""
    places, placed = [], []
    for key, order, queue_key, priority, first, last, wave in tx.execute(_TASKS, {"of_job": job_key}):
        places.append(Place(key, order))
        frames = None if first is None else Span(first, last)
        placed.append(Placed((queue_key, priority), frames, wave == Wave.PREVIEW))
    return places, placed


_PUT = Ready(update(tasks).where(tasks.c.key == bindparam("task_key")).values(ord=bindparam("place")))


def put(tx: Tx, places: Iterable[Place]) -> None:
    """Put tasks of a locked job there."""
    _PUT.run_each(tx, [{"task_key": each.task_key, "place": each.ord} for each in places])
