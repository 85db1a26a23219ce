"""The tasks that a worker was given last, found by an index on exactly that: however many tasks there are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, select

from flamenco.domain.access import Owner
from flamenco.domain.attempts import GivenTask, Outcome
from flamenco.domain.statuses import TaskStatus
from flamenco.store.engine import Tx
from flamenco.store.schema import attempts, jobs, tasks

_LAST: Any = (
    select(
        *(tasks.c.uuid.label("task_id"), tasks.c.index_in_job.label("task_index"), tasks.c.name.label("task_name")),
        *(tasks.c.status, jobs.c.uuid.label("job_id"), jobs.c.name.label("job_name"), tasks.c.activated.label("given")),
        *(attempts.c.seconds, attempts.c.outcome, attempts.c.reason, jobs.c.delete_requested),
        *(jobs.c.owner, jobs.c.owner_address),
    )
    .select_from(tasks)
    .join(jobs, jobs.c.key == tasks.c.job_key)
    .outerjoin(attempts, and_(attempts.c.task_key == tasks.c.key, attempts.c.number == tasks.c.attempts))
    .where(tasks.c.worker_key == bindparam("of_worker"), tasks.c.activated.is_not(None))
    .order_by(tasks.c.activated.desc(), tasks.c.key.desc())
    .limit(bindparam("most"))
)


def last_of(tx: Tx, worker_key: int, most: int) -> list[GivenTask]:
    """The tasks that the worker had last, of those that nobody else was given since; the newest first.

    At most so many are looked at; those of jobs that are about to be deleted are left out.
    """
    rows = tx.execute(_LAST, {"of_worker": worker_key, "most": most})
    return [_given(row) for row in rows if row.delete_requested is None]


def _given(row: Any) -> GivenTask:
    is_active = row.status == TaskStatus.ACTIVE
    return GivenTask(
        task_id=row.task_id,
        task_index=row.task_index,
        task_name=row.task_name,
        job_id=row.job_id,
        job_name=row.job_name,
        owner=Owner(row.owner, row.owner_address),
        given=row.given,
        seconds=row.seconds,
        outcome=Outcome.ACTIVE if is_active else Outcome(row.outcome) if row.outcome else None,
        reason=row.reason or "",
    )
