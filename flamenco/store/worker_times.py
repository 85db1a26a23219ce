"""Attempts of one worker, found without an index on them, which every end of a task would have to keep up.

The way to them are the tasks that it was given last, and those that it failed. So an attempt is missing that was taken
away from it, when another worker was given that task later on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select, text, union

from flamenco.domain.attempts import Outcome
from flamenco.domain.roll_ups import Run
from flamenco.store.engine import Tx
from flamenco.store.schema import ACTIVE_SQL, attempts, task_failures, tasks

_ITS: Final = tasks.c.worker_key == bindparam("of_worker")
_SINCE: Final = tasks.c.activated >= bindparam("since")
_NTH = select(tasks.c.activated).where(_ITS, _SINCE).order_by(tasks.c.activated.desc()).limit(1)
_GIVEN = select(tasks.c.key).where(_ITS, _SINCE)
# The one that it was at then: it has one at a time.
_BEFORE = select(tasks.c.key).where(_ITS, tasks.c.activated < bindparam("since")).order_by(tasks.c.activated.desc())
_FAILED = select(task_failures.c.task_key).where(
    task_failures.c.worker_key == bindparam("of_worker"), task_failures.c.created >= bindparam("since")
)
_THEIRS: Any = union(_GIVEN, select(_BEFORE.limit(1).subquery()), _FAILED).subquery()
_RUNS = (
    select(attempts.c.key, attempts.c.job_key, attempts.c.started, attempts.c.ended, attempts.c.outcome)
    .join(_THEIRS, _THEIRS.c.key == attempts.c.task_key)
    .where(attempts.c.worker_key == bindparam("of_worker"), attempts.c.ended > bindparam("since"))
    .order_by(attempts.c.ended.desc())
    .limit(bindparam("most"))
)
_NOW = select(tasks.c.job_key, tasks.c.activated).where(text(ACTIVE_SQL), _ITS, tasks.c.activated.is_not(None))


def given_before(tx: Tx, worker_key: int, since: datetime, most: int) -> datetime | None:
    """When a worker was given the task before the last so many, if that was since then: one walk along an index."""
    found: datetime | None = tx.execute(_NTH.offset(most), {"of_worker": worker_key, "since": since}).scalar()
    return found


def runs(tx: Tx, worker_key: int, since: datetime, most: int) -> list[Run]:
    """What the worker has run that ended after that, at most so many, the last first."""
    rows = tx.execute(_RUNS, {"of_worker": worker_key, "since": since, "most": most})
    return [Run(row.key, row.job_key, row.started, row.ended, Outcome(row.outcome)) for row in rows]


def under_way(tx: Tx, worker_key: int, now: datetime) -> list[Run]:
    """What it is at, as if that ended now."""
    rows = tx.execute(_NOW, {"of_worker": worker_key})
    return [Run(0, row.job_key, row.activated, now, Outcome.ACTIVE) for row in rows]
