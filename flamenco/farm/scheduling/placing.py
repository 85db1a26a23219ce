"""Putting jobs where the policies want them: when they come in, and when they change, in that transaction.

Where nothing but a job itself decides about its rank, as by default, that is all, and the very next poll goes by it.
For policies that look at the farm or at the clock all open jobs are ranked as time goes (`ranking`). Policies are
never asked while a worker waits, but for those that may refuse one (`claim`).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final

from flamenco.domain.errors import NotFound
from flamenco.domain.scheduling.values import FarmView, JobCandidate, Placement
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import views
from flamenco.farm.scheduling.policies import Views
from flamenco.store import jobs
from flamenco.store.engine import Tx
from flamenco.store.scheduling import accounts, placements, queues
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
    job = jobs.lock_whole(tx, job_key)
    task_types = {queue.task_type for queue in queues.of_job(tx, job.key)}
    told = views.of_farm(tx, farm, now) if told is None else told
    jobs.place(tx, job, farm.policies.place(jobs.candidate(job), task_types, told))


def place_all(farm: Farm) -> None:
    """Put every job that is not finished where it belongs: the policies may be others than when it came in.

    Most are there, which is found out without locking any.
    """
    now = farm.clock()
    with farm.store.read() as tx:
        told = views.of_farm(tx, farm, now)
        unfinished = jobs.keys_unfinished(tx)
    for start in range(0, len(unfinished), _PAGE):
        with farm.store.read() as tx:
            found = placements.of_jobs(tx, unfinished[start : start + _PAGE])
        _place(farm, found, now, told)
    with farm.store.write() as tx:
        if not any(accounts.of_policy(tx, policy.name) for policy in farm.policies.accounting):
            accounts.forget_unbooked(tx)


def _place(farm: Farm, found: list[Place], now: datetime, told: Views) -> None:
    wanted = [farm.policies.place(jobs.candidate(each.job), each.task_types, told) for each in found]
    if any(any(there.limits.values()) for there in wanted):
        with farm.store.write() as tx:
            # In a transaction of its own: who waits for one of these must not have to wait for jobs as well.
            placements.declare_limits(tx, wanted)
    misplaced = [each.job.key for each, there in zip(found, wanted, strict=True) if not each.is_that_of(there)]
    for start in range(0, len(misplaced), _AT_ONCE):
        with farm.store.write() as tx:
            for job_key in misplaced[start : start + _AT_ONCE]:
                # Another manager may have deleted it meanwhile.
                with suppress(NotFound):
                    place(tx, farm, job_key, now, told)
