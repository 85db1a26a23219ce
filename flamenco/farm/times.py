"""How long a job takes: since when, by whom, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Final

from msgspec import Struct

from flamenco.domain.attempts import seconds_between
from flamenco.domain.estimates import Estimate, Left, estimate
from flamenco.domain.model import JobState, TaskState
from flamenco.domain.statuses import FINISHED_JOB, SCHEDULABLE_JOB, TaskStatus
from flamenco.farm.context import Farm
from flamenco.store import attempts, jobs, times
from flamenco.store.engine import Tx

MOST_AT_ONCE: Final = 25
"""For so many jobs at most a list of them has looked up anew when they will be done."""


class Spent(Struct, frozen=True):
    """How many seconds a worker was at tasks of a job, and at how many; both are with what it is at now."""

    worker_id: str
    worker_name: str
    seconds: float
    tasks: int


class JobTimes(Struct, frozen=True, kw_only=True):
    """`elapsed_s`: since its first task was begun, until the last has ended, or now; None before that.

    `worker_s` is what all workers together have spent with it, `median_s` what half of its done tasks took at most.
    `workers` are at it now.
    """

    elapsed_s: float | None
    worker_s: float
    median_s: float | None
    workers: int
    by_worker: list[Spent]
    eta: Estimate | None


def of_job(farm: Farm, job_id: str) -> JobTimes:
    """All that is known of how long a job takes. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.read() as tx:
        job = jobs.fetch(tx, job_id)
        over = times.by_worker(tx, job.key)
        running = attempts.active_of_job(tx, job.key)
        with_whom = attempts.workers_of_job(tx, job.key)
        done = times.done(tx, job.key)
        eta = _eta(tx, job, running, done, now)
    spent = {each.id: Spent(each.id, each.name, each.seconds, each.tasks) for each in over}
    for task in running:
        worker = with_whom.get(task.key)
        who, name = (worker.id, worker.name) if worker else ("", "")
        known = spent.get(who, Spent(who, name, 0.0, 0))
        more = seconds_between(task.activated or now, now)
        spent[who] = Spent(who, name, known.seconds + more, known.tasks + 1)
    begun = [each.first for each in over] + [task.activated or now for task in running]
    until = max((each.last for each in over), default=now) if job.status in FINISHED_JOB else now
    samples = [seconds for each in done.values() for seconds in each]
    return JobTimes(
        elapsed_s=seconds_between(min(begun), until) if begun else None,
        worker_s=sum(each.seconds for each in spent.values()),
        median_s=median(samples) if samples else None,
        workers=len(running),
        by_worker=sorted(spent.values(), key=lambda each: -each.seconds),
        eta=eta,
    )


def estimates(farm: Farm, found: Iterable[JobState]) -> dict[str, Estimate]:
    """When those of these jobs that are being run will be done, by their IDs, as was known a few seconds ago at most.

    Of very many that nobody asked about lately only some are looked at: whoever asks again hears of the others too.
    """
    known = farm.known_estimates
    running = [job for job in found if job.status in SCHEDULABLE_JOB and job.counts.of(TaskStatus.ACTIVE)]
    stale = [job for job in running if not known.is_fresh(job.id)][:MOST_AT_ONCE]
    if stale:
        now = farm.clock()
        with farm.store.read() as tx:
            for job in stale:
                at_it = attempts.active_of_job(tx, job.key)
                known.keep(job.id, _eta(tx, job, at_it, times.done(tx, job.key), now))
    last = {job.id: known.get(job.id) for job in running}
    return {job_id: each for job_id, each in last.items() if each is not None}


def _eta(
    tx: Tx, job: JobState, running: list[TaskState], done: dict[str, list[float]], now: datetime
) -> Estimate | None:
    if job.status not in SCHEDULABLE_JOB:
        return None
    left = _left(tx, job, running, [seconds_between(task.activated or now, now) for task in running])
    knows_all = all(done.get(name) for name in left)
    before = {} if knows_all or not running else times.done_before(tx, job)
    return estimate(left, done, before, len(running), now)


def _left(tx: Tx, job: JobState, running: list[TaskState], spent_s: list[float]) -> dict[str, Left]:
    found = {name: Left(number) for name, number in times.waiting(tx, job).items()}
    for task, seconds in zip(running, spent_s, strict=True):
        known = found.get(task.type, Left(0))
        found[task.type] = Left(known.waiting, (*known.running_s, seconds))
    return found
