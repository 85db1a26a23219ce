"""Finding a worker its next task: jobs first, then tasks; both steps look things up, neither searches.

What a claim costs depends on the worker's own failures and blocks, not on how many jobs or tasks there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, exists, or_, select, text

from flamenco.domain.model import Task
from flamenco.domain.statuses import SCHEDULABLE_JOB
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx
from flamenco.store.schema import (
    ACTIVE_SQL,
    CLAIMABLE_SQL,
    RUNNABLE_SQL,
    job_blocks,
    jobs,
    queues,
    task_failures,
    tasks,
    worker_tags,
)

_PAGE = 20  # queues looked at in one go, at least; more are fetched only when none of them has a task for this worker

_OWN_ACTIVE = task_store.SELECT.where(
    text(ACTIVE_SQL), tasks.c.worker_key == bindparam("worker_key"), jobs.c.status.in_(sorted(SCHEDULABLE_JOB))
).limit(1)


def own_active_task(tx: Tx, worker_key: int) -> Task | None:
    """A task this worker is running already: it restarted, or our answer got lost."""
    row = tx.execute(_OWN_ACTIVE, {"worker_key": worker_key}).first()
    return task_store.from_row(row) if row else None


_NOT_BLOCKED = ~exists().where(
    job_blocks.c.job_key == queues.c.job_key,
    job_blocks.c.worker_key == bindparam("worker_key"),
    job_blocks.c.task_type == queues.c.task_type,
)
_TAG_FITS = or_(
    jobs.c.tag_key.is_(None),
    exists().where(worker_tags.c.worker_key == bindparam("worker_key"), worker_tags.c.tag_key == jobs.c.tag_key),
)
# The queues this worker may be sent to, best job first, the older one where they are equal.
_QUEUES = (
    select(queues.c.job_key, queues.c.task_type, queues.c.rank)
    .join(jobs, jobs.c.key == queues.c.job_key)
    .where(
        text(CLAIMABLE_SQL),
        queues.c.task_type.in_(bindparam("task_types", expanding=True)),
        _TAG_FITS,
        _NOT_BLOCKED,
    )
    .order_by(queues.c.rank.desc(), queues.c.job_key)
    .limit(bindparam("page"))
)
# Where the first page ended; `rank <=` lets the index skip to it.
_MORE_QUEUES = _QUEUES.where(
    queues.c.rank <= bindparam("rank"),
    or_(queues.c.rank < bindparam("rank"), queues.c.job_key > bindparam("job_key")),
)


class JobQueues(NamedTuple):
    """A job with work for the worker, and the task types it has it in."""

    job_key: int
    task_types: tuple[str, ...]


def jobs_with_work(tx: Tx, worker_key: int, task_types: Collection[str]) -> Iterator[JobQueues]:
    """The jobs that have runnable tasks this worker may be given, in the order of their rank."""
    if not task_types:
        return
    size = max(_PAGE, len(task_types) + 1)  # so that at least one job is on the page with all its queues
    arguments: dict[str, Any] = {"worker_key": worker_key, "task_types": sorted(task_types), "page": size}
    page = tx.execute(_QUEUES, arguments).all()
    while page:
        full = len(page) == size
        # The last job of a full page may go on behind it, so it is left to the next page.
        whole = [row for row in page if row.job_key != page[-1].job_key] if full else page
        for job_key, rows in groupby(whole, key=lambda row: row.job_key):
            yield JobQueues(job_key, tuple(row.task_type for row in rows))
        if not full:
            return
        page = tx.execute(_MORE_QUEUES, {**arguments, "rank": whole[-1].rank, "job_key": whole[-1].job_key}).all()


_NOT_FAILED_BY_ME = ~exists().where(
    task_failures.c.task_key == tasks.c.key, task_failures.c.worker_key == bindparam("worker_key")
)
_BEST_TASK = (
    task_store.SELECT.where(
        tasks.c.job_key == bindparam("of_job"),
        tasks.c.type == bindparam("of_type"),
        text(RUNNABLE_SQL),
        _NOT_FAILED_BY_ME,
    )
    .order_by(tasks.c.priority.desc(), tasks.c.index_in_job)
    .limit(1)
)


def best_task(tx: Tx, queue: JobQueues, worker_key: int) -> Task | None:
    """The first task of a locked job that this worker may run and did not fail: highest priority, then script order."""
    found: list[Row[Any]] = []
    for task_type in queue.task_types:
        arguments = {"of_job": queue.job_key, "of_type": task_type, "worker_key": worker_key}
        found += tx.execute(_BEST_TASK, arguments).all()
    if not found:
        return None
    return task_store.from_row(min(found, key=lambda row: (-row.priority, row.index_in_job)))
