"""Ranking the open jobs: what policies are to know of them and of the farm, and the ranks that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.model import TaskCounts
from flamenco.domain.scheduling.values import JobCandidate
from flamenco.domain.statuses import WorkerStatus
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.schema import (
    ACTIVE_SQL,
    OFFERED_SQL,
    OPEN_SQL,
    RUNNING_SQL,
    jobs,
    tags,
    tasks,
    worker_tags,
    workers,
)

_CHANGING = (
    *(jobs.c[name] for name in ("key", "priority", "updated", "rank", "last_assigned")),
    *(jobs.c.completed_runs, jobs.c.completed_seconds, *job_store.COUNTS),
)
# Those that wait for a moment are ranked once it has come: policies would count on them.
_OPEN = select(*_CHANGING).where(text(OPEN_SQL), jobs.c.start_after.is_(None)).order_by(jobs.c.key)
_RUNNING = select(*_CHANGING).where(text(RUNNING_SQL)).order_by(jobs.c.key)


class JobSnapshot(NamedTuple):
    """What changes of a job while it is worked on. `updated` tells when anything else did."""

    key: int
    priority: int
    updated: datetime
    rank: float | None
    last_assigned: datetime | None
    mean_task_s: float | None
    counts: TaskCounts


def _snapshots(tx: Tx, statement: object) -> list[JobSnapshot]:
    rows = tx.execute(statement).all()  # type: ignore[call-overload]
    return [
        JobSnapshot(
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            row[6] / row[5] if row[5] else None,
            TaskCounts(*row[7:]),
        )
        for row in rows
    ]


def open_jobs(tx: Tx) -> list[JobSnapshot]:
    """The jobs whose tasks may be given to workers, the oldest first."""
    return _snapshots(tx, _OPEN)


def running_jobs(tx: Tx) -> list[JobSnapshot]:
    """The jobs of which tasks are being run, open or not, the oldest first."""
    return _snapshots(tx, _RUNNING)


_BY_KEYS = job_store.SELECT_WHOLE.where(jobs.c.key.in_(bindparam("keys", expanding=True)))
_KEYS_AT_A_TIME = 500


def candidates(tx: Tx, keys: Sequence[int]) -> dict[int, JobCandidate]:
    """The jobs with those row numbers, as policies see them."""
    found: dict[int, JobCandidate] = {}
    for start in range(0, len(keys), _KEYS_AT_A_TIME):
        for row in tx.execute(_BY_KEYS, {"keys": list(keys[start : start + _KEYS_AT_A_TIME])}):
            job = job_store.WHOLE.read(row)
            found[job.key] = job_store.candidate(job)
    return found


_AWAKE = (
    select(sql.count())
    .select_from(workers)
    .where(workers.c.deleted.is_(None), workers.c.approved, workers.c.status == WorkerStatus.AWAKE.value)
)
_RUNNING_TYPES = select(tasks.c.type, sql.count()).where(text(ACTIVE_SQL)).group_by(tasks.c.type)
_ACTIVE_RUNS = select(tasks.c.job_key, tasks.c.activated).where(text(ACTIVE_SQL))
_TAGS_OF = (
    select(tags.c.name)
    .join(worker_tags, worker_tags.c.tag_key == tags.c.key)
    .where(worker_tags.c.worker_key == bindparam("of_worker"))
    .order_by(tags.c.name)
)


def workers_awake(tx: Tx) -> int:
    """How many workers could be given tasks, or have one."""
    return int(tx.execute(_AWAKE).scalar_one())


def running_by_type(tx: Tx) -> dict[str, int]:
    """How many tasks of each type are being run."""
    return {row[0]: row[1] for row in tx.execute(_RUNNING_TYPES)}


def active_runs(tx: Tx) -> list[tuple[int, datetime | None]]:
    """The job of each task that is being run, and since when."""
    return [(row[0], row[1]) for row in tx.execute(_ACTIVE_RUNS)]


def tags_of_worker(tx: Tx, worker_key: int) -> tuple[str, ...]:
    """The names of a worker's tags."""
    return tuple(tx.execute(_TAGS_OF, {"of_worker": worker_key}).scalars())


# A job that somebody has locked is left for the next ranking: whoever locks many must not wait for any of them.
_RANK_JOB = (
    update(jobs)
    .where(
        jobs.c.key.in_(
            select(jobs.c.key)
            .where(jobs.c.key == bindparam("of_job"), jobs.c.priority == bindparam("seen_priority"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(rank=bindparam("new_rank"))
)


class NewRank(NamedTuple):
    """A job's rank as it was worked out from a state that may have changed since: `priority` is what it went by."""

    job_key: int
    priority: int
    rank: float | None


def set_ranks(tx: Tx, ranks: Iterable[NewRank]) -> None:
    """Write ranks of jobs that are not locked. One whose priority was changed meanwhile keeps what it got then."""
    for each in ranks:
        values: Mapping[str, Any] = {
            "of_job": each.job_key,
            "seen_priority": each.priority,
            "new_rank": each.rank,
        }
        if tx.execute(_RANK_JOB, values).rowcount:
            tx.execute(_OFFER_IF_OPEN, {"of_job": each.job_key})


_OFFER_IF_OPEN = text(
    f"UPDATE queues SET rank = (SELECT CASE WHEN {OFFERED_SQL} THEN jobs.rank END"  # noqa: S608 - our own constant
    " FROM jobs WHERE jobs.key = queues.job_key) WHERE queues.job_key = :of_job"
)
