"""What is asked of the database to explain why tasks wait. Read when a person asks; nothing else depends on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Row, bindparam, exists, select, text
from sqlalchemy import func as sql

from flamenco.domain.model import JobState, Worker
from flamenco.domain.previews import PENDING, Wave, sentence
from flamenco.domain.scheduling.explanation import Dependent, Held, SeenWorker, WaitingGroup, seen_worker
from flamenco.domain.statuses import RUNNABLE_TASK, TaskStatus
from flamenco.store import job_workers, previews
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx
from flamenco.store.scheduling import limits, queues
from flamenco.store.schema import (
    ACTIVE_SQL,
    RETRY_LATER_SQL,
    RUNNABLE_SQL,
    job_blocks,
    jobs,
    tags,
    task_dependencies,
    task_failures,
    task_retries,
    tasks,
    worker_tags,
)
from flamenco.store.unmet import waits_by_frames

SHOWN = 5
"""So many tasks of each kind are named."""

_WAITING = sorted({*RUNNABLE_TASK, TaskStatus.PAUSED})
# But for those of one wave, which may be none: what is held waits for an approval first.
_DEPENDENT = (
    tasks.c.job_key == bindparam("of_job"),
    tasks.c.status.in_(_WAITING),
    tasks.c.unmet > 0,
    tasks.c.wave != bindparam("but"),
)
_needed = tasks.alias("needed")
_WAITS_FOR = (
    select(_needed.c.status, sql.count(_needed.c.key.distinct()))
    .select_from(
        tasks.join(task_dependencies, task_dependencies.c.task_key == tasks.c.key).join(
            _needed, _needed.c.key == task_dependencies.c.dependency_key
        )
    )
    .where(*_DEPENDENT, _needed.c.status != TaskStatus.COMPLETED.value)
    .group_by(_needed.c.status)
)


_COUNT_BY_FRAMES = (
    select(sql.count())
    .select_from(tasks)
    .where(
        *_DEPENDENT,
        ~exists().where(
            task_dependencies.c.task_key == tasks.c.key,
            _needed.c.key == task_dependencies.c.dependency_key,
            _needed.c.status != TaskStatus.COMPLETED.value,
        ),
        ~exists().where(task_retries.c.task_key == tasks.c.key, text(RETRY_LATER_SQL)),
    )
)
_LATER = (
    select(sql.count(), sql.min(task_retries.c.not_before))
    .select_from(tasks)
    .join(task_retries, task_retries.c.task_key == tasks.c.key)
    .where(*_DEPENDENT, text(RETRY_LATER_SQL))
)


def dependent(tx: Tx, job: JobState) -> Dependent:
    """The tasks of a job that wait for others of it."""
    of_job = {"of_job": job.key, "but": Wave.HELD.value if job.preview in PENDING else -1}
    count = tx.execute(select(sql.count()).select_from(tasks).where(*_DEPENDENT), of_job).scalar_one()
    named = tx.execute(select(tasks.c.name).where(*_DEPENDENT).order_by(tasks.c.index_in_job).limit(SHOWN), of_job)
    waits_for = {row[0]: row[1] for row in tx.execute(_WAITS_FOR, of_job)} if count else {}
    by_frames = tx.execute(_COUNT_BY_FRAMES, of_job).scalar_one() if count and waits_by_frames(tx, job.key) else 0
    count_later, later = tx.execute(_LATER, of_job).one() if count else (0, None)
    return Dependent(
        count=count,
        names=tuple(named.scalars()),
        waits_for=waits_for,
        count_by_frames=int(by_frames),
        count_later=count_later,
        later=later,
    )


_FREE = (tasks.c.status.in_(_WAITING), tasks.c.unmet == 0)
_COUNT_FREE = (select(tasks.c.queue_key, sql.count()).where(tasks.c.job_key == bindparam("of_job"), *_FREE)).group_by(
    tasks.c.queue_key
)
_NAME_FREE = (
    select(tasks.c.name)
    .where(tasks.c.job_key == bindparam("of_job"), tasks.c.queue_key == bindparam("of_queue"), *_FREE)
    .order_by(tasks.c.priority.desc(), tasks.c.ord, tasks.c.index_in_job)
    .limit(SHOWN)
)
_FAILED = (
    select(tasks.c.key, tasks.c.name, tasks.c.queue_key, task_failures.c.worker_key)
    .join(task_failures, task_failures.c.task_key == tasks.c.key)
    .where(task_failures.c.job_key == bindparam("of_job"), text(RUNNABLE_SQL))
    .order_by(tasks.c.index_in_job)
)


def held(tx: Tx, job: JobState) -> Held | None:
    """The tasks of a job that wait for an approval; None where nothing waits for one."""
    kept = previews.of_job(tx, job.key) if job.preview in PENDING else None
    if kept is None:
        return None
    tally = previews.tally(tx, job.key, Wave.HELD)
    failed = previews.tally(tx, job.key).get(TaskStatus.FAILED, 0)
    return Held(
        count=sum(tally.get(status, 0) for status in _WAITING),
        names=tuple(previews.held_names(tx, job.key, SHOWN)),
        text=sentence(kept.preview, job.preview, failed),
    )


def waiting_groups(tx: Tx, job: JobState) -> list[WaitingGroup]:
    """The tasks of a job that wait for nothing but a worker, in groups."""
    of_job = {"of_job": job.key}
    counts = {row[0]: row[1] for row in tx.execute(_COUNT_FREE, of_job)}
    failed = _failed(tx.execute(_FAILED, of_job).all())
    there = queues.of_job(tx, job.key)
    used = {limit.name: limit for limit in limits.all_limits(tx)} if any(queue.limits for queue in there) else {}
    groups = []
    for queue in there:
        full = tuple((name, used[name].capacity) for name in sorted(limits.full(tx, queue.limits, "")))
        left = counts.get(queue.key, 0)
        for workers, names in failed.get(queue.key, {}).items():
            left -= len(names)
            groups.append(_group(queue, len(names), tuple(names[:SHOWN]), full, workers))
        if left > 0:
            named = tuple(tx.execute(_NAME_FREE, {**of_job, "of_queue": queue.key}).scalars())
            groups.append(_group(queue, left, named, full, frozenset()))
    return groups


def _group(
    queue: queues.Queue, count: int, names: tuple[str, ...], full: tuple[tuple[str, int], ...], failed: frozenset[int]
) -> WaitingGroup:
    return WaitingGroup(
        task_type=queue.task_type,
        commands=queue.commands,
        count=count,
        names=names,
        failed_by=failed,
        full=full,
        queue_key=queue.key,
        limits=queue.limits,
    )


def _failed(rows: list[Row[Any]] | Any) -> dict[int, dict[frozenset[int], list[str]]]:
    """By queue and by who failed them, the names of tasks that somebody failed and that may be tried again."""
    by_task: defaultdict[tuple[int, str, int], set[int]] = defaultdict(set)
    for row in rows:
        by_task[row.key, row.name, row.queue_key].add(row.worker_key)
    found: dict[int, dict[frozenset[int], list[str]]] = {}
    for (_, name, queue_key), workers in by_task.items():
        found.setdefault(queue_key, {}).setdefault(frozenset(workers), []).append(name)
    return found


class Around(NamedTuple):
    """The workers of the farm, and how they stand to a job: by their row numbers.

    `blocked` are those that are after failures, `kept` those by people; `apart` are those that it is not for.
    """

    workers: list[Worker]
    with_tag: frozenset[int] | None
    tag: str
    blocked: dict[int, frozenset[str]]
    kept: dict[int, frozenset[str]]
    apart: frozenset[int]

    def seen(self, worker: Worker) -> SeenWorker:
        """One of them, as it stands to the job."""
        return replace(
            seen_worker(worker),
            has_tag=self.with_tag is None or worker.key in self.with_tag,
            meant=worker.key not in self.apart,
            blocked=self.blocked.get(worker.key, frozenset()),
            kept=self.kept.get(worker.key, frozenset()),
        )


def around(tx: Tx, job: JobState) -> Around:
    """Everybody who could work on a job. `with_tag` is None when it wants no tag."""
    tag = tx.execute(
        select(tags.c.key, tags.c.name).join(jobs, jobs.c.tag_key == tags.c.key).where(jobs.c.key == job.key)
    ).first()
    members = None
    if tag is not None:
        in_tag = select(worker_tags.c.worker_key).where(worker_tags.c.tag_key == tag.key)
        members = frozenset(tx.execute(in_tag).scalars())
    blocks: dict[bool, defaultdict[int, set[str]]] = {True: defaultdict(set), False: defaultdict(set)}
    for worker_key, task_type, who in tx.execute(_BLOCKS, {"of_job": job.key}):
        blocks[bool(who)][worker_key].add(task_type)
    present = worker_store.all_present(tx)
    return Around(
        present,
        members,
        tag.name if tag is not None else "",
        {key: frozenset(types) for key, types in blocks[False].items()},
        {key: frozenset(types) for key, types in blocks[True].items()},
        _apart(tx, job, present),
    )


_BLOCKS = select(job_blocks.c.worker_key, job_blocks.c.task_type, job_blocks.c.blocked_by).where(
    job_blocks.c.job_key == bindparam("of_job")
)


def _apart(tx: Tx, job: JobState, present: Iterable[Worker]) -> frozenset[int]:
    if not job.worker_rules:
        return frozenset()
    meant, its_tags = job_workers.of_job(tx, job.key), job_workers.members(tx)
    return frozenset(each.key for each in present if not meant.include(each.key, its_tags.get(each.key, ())))


def busy(tx: Tx) -> frozenset[int]:
    """The row numbers of the workers that are running a task."""
    return frozenset(tx.execute(select(tasks.c.worker_key).where(text(ACTIVE_SQL))).scalars())


class Trouble(NamedTuple):
    """A task that failed, for good or not, and what it says of that."""

    number: int
    name: str
    status: str
    activity: str


_TROUBLE = (
    select(tasks.c.index_in_job, tasks.c.name, tasks.c.status, tasks.c.activity)
    .where(
        tasks.c.job_key == bindparam("of_job"),
        tasks.c.status.in_([TaskStatus.FAILED.value, TaskStatus.SOFT_FAILED.value]),
    )
    .order_by(tasks.c.index_in_job)
    .limit(bindparam("most"))
)


def troubles(tx: Tx, job: JobState, most: int) -> list[Trouble]:
    """At most so many of the tasks of a job that failed, in the order its script added them."""
    return [Trouble(*row) for row in tx.execute(_TROUBLE, {"of_job": job.key, "most": most})]
