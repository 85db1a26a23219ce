"""What each task waits for, counted: tasks of its own job, somebody who approves, and frame by frame other jobs.

So is whether it waits for a moment, see `store.retries`. A task of the same job that is completed lets go of those that
wait for it, the first thousands at once: see `store.tasks.let_go`. The rest, and what other jobs do, is counted anew,
for the few tasks that it is about, or for a part of the job after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, bindparam, literal_column, select, text, update

from flamenco.domain.statuses import RUNNABLE_TASK
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.scheduling import queues
from flamenco.store.schema import tasks

# A held task waits for one more thing, for as long as the preview of its job is pending.
_OF_SAME_JOB: Final = """((
    SELECT count(*) FROM task_dependencies d JOIN tasks other ON other.key = d.dependency_key
    WHERE d.task_key = tasks.key AND other.status <> 'completed'
) + CASE WHEN tasks.wave = 2 THEN (
    SELECT count(*) FROM jobs j WHERE j.key = tasks.job_key AND j.preview IN ('rendering', 'waiting')
) ELSE 0 END + (
    SELECT count(*) FROM task_retries r WHERE r.task_key = tasks.key AND r.not_before IS NOT NULL
))"""
_COUNTED: Final = "d.kind = 'frames' AND d.state IN ('counting', 'waiting')"
# `longest_other` keeps the look at the index short. A task without frames waits until the whole dependency is met. The
# state is in a CASE, as otherwise PostgreSQL would go through the whole index of what is pending, for each task.
_BY_FRAMES: Final = f"""(
    SELECT count(*) FROM job_dependencies d
    WHERE d.job_key = tasks.job_key AND CASE WHEN {_COUNTED} THEN 1 END = 1 AND (tasks.frame_first IS NULL OR EXISTS (
        SELECT 1 FROM tasks other
        WHERE other.job_key = d.on_key
            AND other.frame_first <= tasks.frame_last + d.offset_last
            AND other.frame_first >= tasks.frame_first + d.offset_first - d.longest_other
            AND other.frame_last >= tasks.frame_first + d.offset_first
            AND other.status <> 'completed'
            AND (d.awaits = 'completed' OR other.status NOT IN ('canceled', 'failed'))
    ))
)"""  # noqa: S608 - our own constants, here and below
UNMET_SQL: Final = f"({_OF_SAME_JOB} + {_BY_FRAMES})"
"""How much a task waits for."""

UNTOLD_SQL: Final = f"""
    SELECT n.job_key FROM job_news n WHERE n.what = 'count'
    UNION SELECT d.job_key FROM job_dependencies d JOIN job_news n ON n.job_key = d.on_key WHERE {_COUNTED}
"""  # noqa: S608
"""Jobs of which tasks are still to be counted anew, since nobody told them yet what other jobs have done."""

_HAS_FRAMES: Final = text(
    f"SELECT 1 FROM job_dependencies d WHERE d.job_key = :of_job AND {_COUNTED} LIMIT 1"  # noqa: S608
)


def waits_by_frames(tx: Tx, job_key: int) -> bool:
    """Whether tasks of the job may wait for others', frame by frame."""
    return tx.execute(_HAS_FRAMES, {"of_job": job_key}).first() is not None


def _counting(sql: str) -> Any:
    now = literal_column(sql, Integer).label("unmet_now")
    return select(tasks.c.key, tasks.c.queue_key, tasks.c.status, tasks.c.unmet, now)


_SET_UNMET = Ready(update(tasks).where(tasks.c.key == bindparam("task_key")).values(unmet=bindparam("number")))


def recount(tx: Tx, job_key: int, part: Sequence[ColumnElement[bool]], values: Mapping[str, Any]) -> int:
    """Count anew what tasks of a locked job wait for, those that fulfil `part`. How many were wrong."""
    sql = UNMET_SQL if waits_by_frames(tx, job_key) else _OF_SAME_JOB
    rows = tx.execute(_counting(sql).where(*part), values)
    wrong = [row for row in rows if row.unmet != row.unmet_now]
    runnable: Counter[int] = Counter()
    for row in wrong:
        if row.status in RUNNABLE_TASK:
            runnable[row.queue_key] += (not row.unmet_now) - (not row.unmet)
    if wrong:
        _SET_UNMET.run_each(tx, [{"task_key": row.key, "number": row.unmet_now} for row in wrong])
        queues.add_all_runnable(tx, runnable)
    return len(wrong)


_OF_JOB = tasks.c.job_key == bindparam("of_job")
_PART = (_OF_JOB, tasks.c.index_in_job > bindparam("after"), tasks.c.index_in_job <= bindparam("until"))
_FRAMES = (
    _OF_JOB,
    tasks.c.frame_first <= bindparam("last"),
    tasks.c.frame_first >= bindparam("first") - bindparam("longest"),
    tasks.c.frame_last >= bindparam("first"),
)


def recount_part(tx: Tx, job_key: int, after: int, until: int) -> int:
    """Count those with numbers above `after` up to `until`."""
    return recount(tx, job_key, _PART, {"of_job": job_key, "after": after, "until": until})


_THESE = (tasks.c.key.in_(bindparam("keys", expanding=True)),)


def recount_these(tx: Tx, job_key: int, keys: Sequence[int]) -> int:
    """Count those with these row numbers."""
    return recount(tx, job_key, _THESE, {"keys": list(keys)})


def recount_frames(tx: Tx, job_key: int, first: int, last: int, longest: int) -> int:
    """Count those that are about frames from `first` to `last`, of which none has more than `longest` after its own."""
    return recount(tx, job_key, _FRAMES, {"of_job": job_key, "first": first, "last": last, "longest": longest})
