"""Many tasks of a job that change status: some at a time, with all that is counted, so that nobody waits for long.

A job says itself what is left of it, so whoever locks the job next can go on, in whatever process.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import bindparam, literal_column, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.model import JobState, TaskCounts
from flamenco.domain.moves import MassMove, PendingMove, pending
from flamenco.domain.statuses import RUNNABLE_TASK, TaskStatus
from flamenco.store import unmet
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.scheduling import queues
from flamenco.store.schema import ACTIVE_SQL, MOVING_SQL, jobs, tasks

AT_ONCE = 1_000
"""So many tasks of a job are moved in one transaction at most."""

FREED_AT_ONCE = 3_000
"""So many tasks are let go in the transaction in which the one is completed that they waited for."""

_MOVING = select(jobs.c.key).where(text(MOVING_SQL), jobs.c.delete_requested.is_(None)).order_by(jobs.c.key)


def keys_moving(tx: Tx) -> list[int]:
    """Jobs of which tasks are still to be moved, but for those that nobody wants any more."""
    return list(tx.execute(_MOVING).scalars())


_SOURCES = tasks.c.status.in_(bindparam("sources", expanding=True))
_OF_JOB = tasks.c.job_key == bindparam("of_job")
_PART = (_OF_JOB, tasks.c.index_in_job > bindparam("after"), tasks.c.index_in_job <= bindparam("until"))
# Literal, as the server takes two parameters for two things, even if they have the same value.
_KIND: list[Any] = [
    tasks.c.status,
    tasks.c.queue_key,
    tasks.c.optional,
    literal_column("tasks.unmet = 0").label("is_free"),
]
_TALLY = select(*_KIND, sql.count().label("number"), sql.sum(tasks.c.steps_completed).label("steps")).group_by(*_KIND)
_TALLY_PART = _TALLY.where(*_PART, _SOURCES)
_TALLY_ACTIVE = _TALLY.where(_OF_JOB, text(ACTIVE_SQL))
_LAST = Ready(select(sql.max(tasks.c.index_in_job)).where(_OF_JOB))


def begin(tx: Tx, job: JobState, move: MassMove, reason: str) -> JobState:
    """Note in a locked job what is to be done with its tasks, but for those that are being run."""
    last = _LAST.scalar(tx, of_job=job.key) or 0
    return replace(job, moves=(*job.moves, pending(move, reason, last)))


def begin_recount(tx: Tx, job: JobState, reason: str) -> JobState:
    """Note in a locked job that what each of its tasks waits for is to be counted anew."""
    last = _LAST.scalar(tx, of_job=job.key) or 0
    again = PendingMove(sources=frozenset(), to=TaskStatus.QUEUED, activity="", reason=reason, last=last)
    return replace(job, moves=(*job.moves, again))


def move_active(tx: Tx, job: JobState, move: MassMove, now: datetime) -> JobState:
    """Move the tasks of a locked job that are being run, of which there are no more than workers."""
    of_job = {"of_job": job.key}
    job = _counted(tx, job, move.to, tx.execute(_TALLY_ACTIVE, of_job).all())
    tx.execute(_moving(move, now).where(_OF_JOB, text(ACTIVE_SQL)), of_job)
    return job


def move_some(tx: Tx, job: JobState, now: datetime, most: int) -> JobState:
    """Go on with the first pending move of a locked job: look at `most` of its tasks. Returns it as it is then.

    Counters of its queues are written; its own are for the caller to save.
    """
    move = job.moves[0]
    until = move.after + most
    part = {"of_job": job.key, "after": move.after, "until": until}
    if move.sources:
        values = part | {"sources": sorted(move.sources)}
        job = _counted(tx, job, move.to, tx.execute(_TALLY_PART, values).all())
        tx.execute(_moving(move, now).where(*_PART, _SOURCES), values)
    else:
        unmet.recount(tx, job.key, _PART, part)
    return replace(job, moves=(*_rest(job, replace(move, after=until)), *job.moves[1:]))


def _rest(job: JobState, move: PendingMove) -> tuple[PendingMove, ...]:
    """What is left of a move."""
    if move.after < move.last and (not move.sources or job.counts.of(*move.sources)):
        return (move,)
    return (move.counted_again,) if move.sources and move.recounts else ()


def _moving(move: MassMove, now: datetime) -> Any:
    values: dict[str, Any] = {"status": move.to, "activity": move.activity, "updated": now}
    if move.to is TaskStatus.QUEUED:
        values["steps_completed"] = 0
    return update(tasks).values(values)


def _counted(tx: Tx, job: JobState, to: TaskStatus, tally: Any) -> JobState:
    """The job after these of its tasks went to `to`; what its queues have to hand out is written down."""
    counts = {name: getattr(job.counts, name) for name in TaskCounts.__struct_fields__}
    runnable: Counter[int] = Counter()
    steps = 0
    for row in tally:
        status = TaskStatus(row.status)
        counts[status.column] -= row.number
        counts[to.column] += row.number
        counts["failed_optional"] -= row.number if row.optional and status is TaskStatus.FAILED else 0
        runnable[row.queue_key] += row.number * row.is_free * ((to in RUNNABLE_TASK) - (status in RUNNABLE_TASK))
        steps += row.steps if to is TaskStatus.QUEUED else 0
    queues.add_all_runnable(tx, runnable)
    return replace(job, counts=TaskCounts(**counts), steps_completed=job.steps_completed - steps)
