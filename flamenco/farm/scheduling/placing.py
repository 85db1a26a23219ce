"""Putting jobs where the policies want them: when they come in, and when they change, in that transaction.

Where nothing but a job itself decides about its rank, as by default, that is all, and the very next poll goes by it.
For policies that look at the farm or at the clock all open jobs are ranked as time goes (`ranking`). Policies are
never asked while a worker waits, but for those that may refuse one (`claim`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from flamenco.domain import people_limits
from flamenco.domain.errors import NotFound
from flamenco.domain.model import Job
from flamenco.domain.scheduling.values import FarmView, JobCandidate, Placement
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import views
from flamenco.farm.scheduling.policies import Views
from flamenco.store import jobs
from flamenco.store.engine import Tx
from flamenco.store.scheduling import accounts, own_limits, placements, queues
from flamenco.store.scheduling.placements import Place

_PAGE: Final = 500
"""So many jobs are looked at with one question."""

_AT_ONCE: Final = 50
"""So many are placed in one transaction, for which other managers wait."""


def placement(farm: Farm, job: JobCandidate, task_types: Iterable[str], now: datetime) -> Placement:
    """Where a job belongs that is about to be stored."""
    if farm.policies.is_static:
        return farm.policies.place(job, task_types, {name: FarmView(now=now) for name in farm.policies.weights})
    with farm.store.read() as tx:
        told = views.of_farm(tx, farm, now)
    return farm.policies.place(job, task_types, told)


def place(tx: Tx, farm: Farm, job_key: int, now: datetime, told: Views | None = None) -> None:
    """Lock a job, and put it where it belongs now. Raises `NotFound`."""
    _place_locked(tx, farm, jobs.lock_whole(tx, job_key), now, told)


def _place_locked(tx: Tx, farm: Farm, job: Job, now: datetime, told: Views | None) -> None:
    task_types = {queue.task_type for queue in queues.of_job(tx, job.key)}
    told = views.of_farm(tx, farm, now) if told is None else told
    # Looked up once the job is locked: whoever sets a limit meanwhile finds it in the way that it is left.
    jobs.place(tx, job, _wanted(farm, job, task_types, told, own_limits.on_jobs(tx)))


def _wanted(farm: Farm, job: Job, task_types: Iterable[str], told: Views, set_by_people: frozenset[str]) -> Placement:
    """Where a job belongs, by what policies say, and people."""
    types = set(task_types)
    placement = farm.policies.place(jobs.candidate(job), types, told)
    under = set_by_people.intersection(people_limits.of_job(job.owner.name, job.project))
    return people_limits.with_limits(people_limits.with_max_workers(placement, job.max_workers), types, under)


def settle(tx: Tx, farm: Farm, job: Job, now: datetime) -> None:
    """Put a job that is stored in this transaction under the limits that people have set on such jobs."""
    if own_limits.on_jobs(tx, stays=True).intersection(people_limits.of_job(job.owner.name, job.project)):
        place(tx, farm, job.key, now)


def place_all(farm: Farm) -> None:
    """Put every job that is not finished where it belongs: the policies may be others than when it came in."""
    with farm.store.read() as tx:
        unfinished = jobs.keys_unfinished(tx)
    place_jobs(farm, unfinished)
    with farm.store.write() as tx:
        if not any(accounts.of_policy(tx, policy.name) for policy in farm.policies.accounting):
            accounts.forget_unbooked(tx)


def place_jobs(farm: Farm, keys: Sequence[int]) -> None:
    """Put the jobs with those row numbers where they belong.

    Most are there, which is found out without locking any.
    """
    now = farm.clock()
    with farm.store.read() as tx:
        told = views.of_farm(tx, farm, now)
    for start in range(0, len(keys), _PAGE):
        with farm.store.read() as tx:
            found = placements.of_jobs(tx, keys[start : start + _PAGE])
            set_by_people = own_limits.on_jobs(tx)
        _place(farm, found, now, told, set_by_people)


def _place(farm: Farm, found: list[Place], now: datetime, told: Views, set_by_people: frozenset[str]) -> None:
    wanted = [_wanted(farm, each.job, each.task_types, told, set_by_people) for each in found]
    if any(any(there.limits.values()) for there in wanted):
        with farm.store.write() as tx:
            # In a transaction of its own: who waits for one of these must not have to wait for jobs as well.
            placements.declare_limits(tx, wanted)
    misplaced = [each.job.key for each, there in zip(found, wanted, strict=True) if not each.is_that_of(there)]
    running: list[int] = []
    for start in range(0, len(misplaced), _AT_ONCE):
        with farm.store.write() as tx:
            for job_key in misplaced[start : start + _AT_ONCE]:
                # Another manager may have deleted it meanwhile.
                with suppress(NotFound):
                    job = jobs.lock_whole(tx, job_key)
                    if job.counts.active:
                        running.append(job_key)
                    else:
                        _place_locked(tx, farm, job, now, told)
    # What runs of these falls under their limits, for which others wait that have one of the next jobs locked.
    for job_key in running:
        with farm.store.write() as tx, suppress(NotFound):
            place(tx, farm, job_key, now, told)
