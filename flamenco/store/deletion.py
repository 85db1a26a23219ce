"""Jobs that somebody deletes: marked at once; purged bit by bit, since others need the database meanwhile.

In between they are in the trash (`trash`), unless nothing is kept there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Boolean, bindparam, delete, not_, or_, select, text, tuple_, update

from flamenco.domain.model import JobState
from flamenco.domain.statuses import RUNNABLE_TASK, TaskStatus
from flamenco.store import arrivals, attempts, checkouts, job_news, job_waits
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.scheduling import queues as queue_store
from flamenco.store.schema import CHECKED_OUT_SQL, PURGING_SQL, jobs, queues, task_dependencies, tasks

PAGE = 250
"""So many jobs are marked at once."""

_MARK = (
    update(jobs)
    .where(jobs.c.key.in_(bindparam("keys", expanding=True)))
    .values(
        delete_requested=bindparam("now"),
        purging=or_(jobs.c.purging, bindparam("for_good", type_=Boolean)),
        updated=bindparam("now"),
    )
)
_WITHDRAW = update(queues).where(queues.c.job_key.in_(bindparam("keys", expanding=True))).values(rank=None)
_MARK_ONE = Ready(
    update(jobs)
    .where(jobs.c.key == bindparam("of_job"))
    .values(
        delete_requested=bindparam("moment"),
        purging=or_(jobs.c.purging, bindparam("for_good", type_=Boolean)),
        updated=bindparam("moment"),
    )
)
_WITHDRAW_ONE = Ready(update(queues).where(queues.c.job_key == bindparam("of_job")).values(rank=None))


def mark(tx: Tx, locked: Sequence[JobState], now: datetime, *, for_good: bool) -> list[JobState]:
    """Mark locked jobs as deleted; nothing of them is handed out any more. Returns them as they are then.

    Those that go `for_good` are purged at once, and do not get into the trash before.
    """
    if len(locked) == 1:  # as people mostly ask for it, and then with few round trips
        key = locked[0].key
        _WITHDRAW_ONE.later(tx, "queues", key, of_job=key)
        _MARK_ONE.later(tx, "jobs", key, of_job=key, moment=now, for_good=for_good)
    else:
        keys = [job.key for job in locked]
        tx.execute(_MARK, {"keys": keys, "now": now, "for_good": for_good})
        tx.execute(_WITHDRAW, {"keys": keys})
    if followed := [job.key for job in locked if job.waited_for]:
        job_news.add_status_of(tx, followed)
    return [replace(job, delete_requested=now, updated=now) for job in locked]


_UNCHANGED = (
    job_store.SELECT.where(
        jobs.c.updated <= bindparam("until"), jobs.c.key > bindparam("after"), jobs.c.trashed_at.is_(None)
    )
    .order_by(jobs.c.key)
    .limit(bindparam("page"))
    .with_for_update(of=jobs)
)


def mark_unchanged(
    tx: Tx, until: datetime, now: datetime, after: int = -1, page: int = PAGE, *, for_good: bool
) -> list[JobState]:
    """Mark jobs that were last updated at `until` or before, the next `page` of those with numbers above `after`.

    Returns them as they are then.
    """
    rows = tx.execute(_UNCHANGED, {"until": until, "after": after, "page": page}).all()
    return mark(tx, [job_store.STATE.read(row) for row in rows], now, for_good=for_good) if rows else []


_STAYS = or_(jobs.c.delete_requested.is_(None), arrivals.MAY_STILL_COME)
_OTHERS_NEED, _OTHERS_HAVE = (
    select(jobs.c.key)
    .where(
        text(CHECKED_OUT_SQL),
        jobs.c.key != bindparam("of_job"),
        others,
        checkouts.overlapping(jobs.c.shaman_checkout_id),
    )
    .limit(1)
    for others in (_STAYS, or_(_STAYS, jobs.c.purging.is_(False)))
)
_TAKE_CHECKOUT = update(jobs).where(jobs.c.key == bindparam("of_job")).values(checkout_goes=True)
_FORGET_CHECKOUT = (
    update(jobs).where(jobs.c.key == bindparam("of_job")).values(shaman_checkout_id="", checkout_goes=False)
)
_GOES = (
    select(jobs.c.checkout_goes)
    .where(text(CHECKED_OUT_SQL), jobs.c.shaman_checkout_id.in_(bindparam("paths", expanding=True)))
    .order_by(jobs.c.key)
    .with_for_update(read=True)
)


def checkout_is_shared(tx: Tx, job: JobState, now: datetime, *, with_trash: bool = False) -> bool:
    """Whether another job, which stays, has the same Shaman checkout, or one inside of it, or around it.

    So has somebody who made it there for a job that they have not submitted yet; and `with_trash` a job that somebody
    may want back.
    """
    if not job.shaman_checkout_id:
        return False
    values = {"of_job": job.key, **checkouts.overlap(job.shaman_checkout_id), **arrivals.moments(now)}
    others = _OTHERS_HAVE if with_trash else _OTHERS_NEED
    return tx.execute(others, values).first() is not None or checkouts.made_since(tx, job)


def take_checkout(tx: Tx, job: JobState, now: datetime) -> bool:
    """Keep other jobs from having the checkout of a locked job that is to be deleted. False when one that stays has it.

    Whoever stores a job with it at the same time is either seen here, or finds by `checkout_goes` that it was too late.
    """
    if not job.shaman_checkout_id or checkout_is_shared(tx, job, now, with_trash=True):
        return False
    tx.execute(_TAKE_CHECKOUT, {"of_job": job.key})
    checkouts.forget(tx, job.shaman_checkout_id)  # before its path is free: what is made there next is somebody's
    return True


def forget_checkout(tx: Tx, job: JobState) -> None:
    """The files of a locked job's checkout are gone: it is free for others, who may have made a new one by now."""
    tx.execute(_FORGET_CHECKOUT, {"of_job": job.key})


def checkout_goes(tx: Tx, job: JobState) -> bool:
    """Whether the checkout of a job that was stored just now, or one that it is in, is being removed with another job.

    Asked at the end of the transaction: jobs that have the same one cannot be changed from then on.
    """
    if not job.shaman_checkout_id:
        return False
    parts = job.shaman_checkout_id.rstrip("/").split("/")
    paths = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return any(tx.execute(_GOES, {"paths": [*paths, *(f"{path}/" for path in paths)]}).scalars())


_MARKED = (
    select(jobs.c.uuid)
    .where(text(PURGING_SQL), not_(arrivals.MAY_STILL_COME))
    .order_by(jobs.c.delete_requested, jobs.c.key)
    .limit(bindparam("most"))
)


def marked(tx: Tx, now: datetime, most: int) -> Sequence[str]:
    """UUIDs of at most so many jobs that are to be purged, in the order in which that was asked for.

    Not of those that are only just being stored.
    """
    return tx.execute(_MARKED, {"most": most, **arrivals.moments(now)}).scalars().all()


_PAIR = (task_dependencies.c.task_key, task_dependencies.c.dependency_key)
_FIRST = (
    select(tasks.c.key)
    .where(tasks.c.job_key == bindparam("of_job"))
    .order_by(tasks.c.index_in_job)
    .limit(bindparam("first"))
)
# What the next tasks to go wait for, and what waits for them: both may be all others.
_DELETE_DEPENDENCIES = [
    delete(task_dependencies).where(tuple_(*_PAIR).in_(select(*_PAIR).where(far.in_(_FIRST)).limit(bindparam("most"))))
    for far in _PAIR
]
_DELETE_TASKS = (
    delete(tasks)
    .where(tasks.c.key.in_(_FIRST))
    .returning(
        *(tasks.c.status, tasks.c.queue_key, tasks.c.unmet, tasks.c.optional),
        *(tasks.c.steps_completed, tasks.c.steps_total),
    )
)


def delete_tasks(tx: Tx, job: JobState, most: int) -> bool:
    """Delete tasks of a locked job, attempts at them, and what depends on what; at most so many rows. Whether all went.

    Counters keep up. None of the tasks may be one that is being run.
    """
    left = most - attempts.delete_some(tx, [job.key], most)
    if left <= 0:
        return False
    for statement in _DELETE_DEPENDENCIES:
        left -= tx.execute(statement, {"of_job": job.key, "first": most, "most": left}).rowcount
        if left <= 0:
            return False
    rows = tx.execute(_DELETE_TASKS, {"of_job": job.key, "first": left}).all()
    if rows:
        gone = Counter(TaskStatus(row.status) for row in rows)
        counts = {status.column: job.counts.of(status) - number for status, number in gone.items()}
        optional = sum(row.optional and row.status == TaskStatus.FAILED for row in rows)
        counts["failed_optional"] = job.counts.failed_optional - optional
        changed = replace(
            job,
            counts=replace(job.counts, **counts),
            steps_completed=job.steps_completed - sum(row.steps_completed for row in rows),
            steps_total=job.steps_total - sum(row.steps_total for row in rows),
        )
        job_store.save(tx, job, changed)
        runnable = Counter(row.queue_key for row in rows if row.status in RUNNABLE_TASK and not row.unmet)
        for queue_key, number in runnable.items():
            queue_store.add_runnable(tx, queue_key, -number)
    return len(rows) < left


def delete_job(tx: Tx, job_key: int) -> None:
    """Delete a locked job, with all that refers to it. Its tasks should be gone by then: that takes long."""
    waited_for = [wait.on_key for wait in job_waits.of_job(tx, job_key) if wait.on_key is not None]
    tx.execute(delete(jobs).where(jobs.c.key == job_key))
    job_waits.count_waited_for(tx, waited_for)
