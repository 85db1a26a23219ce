"""Storing a job that was compiled: in one transaction, or a large one in several, of which others notice the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Final

from msgspec import Struct

from flamenco.domain.access import Owner
from flamenco.domain.errors import FarmError
from flamenco.domain.model import AuthoredJob, Job
from flamenco.domain.scheduling.values import Placement
from flamenco.domain.statuses import JobStatus
from flamenco.farm.context import Farm
from flamenco.store import jobs as job_store
from flamenco.store.arrivals import Arrival
from flamenco.store.engine import Tx

PART: Final = 2_000
"""So many tasks are stored in one transaction: others who write wait for no longer than that takes."""


class Terms(Struct, frozen=True, kw_only=True):
    """How a job is stored: `admit` may refuse it, as may `check` once it is there; `tell` does what belongs to it."""

    status: JobStatus
    placement: Placement
    owner: Owner
    admit: Callable[[Tx], None]
    check: Callable[[Tx, Job], None]
    tell: Callable[[Tx, Job], None]


def store(farm: Farm, authored: AuthoredJob, terms: Terms) -> Job:
    """Store a job, all of it or nothing.

    Raises `Refused` as `store.jobs.insert_job`, `Busy`, and whatever `admit` and `check` raise.
    """
    if len(authored.tasks) > PART:
        return _store_in_parts(farm, authored, terms)
    with _large_write(farm) as tx:
        terms.admit(tx)
        job = job_store.insert_job(tx, authored, terms.status, terms.placement, owner=terms.owner)
        terms.tell(tx, job)
        terms.check(tx, job)
    return job


@contextmanager
def _large_write(farm: Farm) -> Iterator[Tx]:
    with farm.one_large_write(), farm.store.write() as tx:
        yield tx


def _store_in_parts(farm: Farm, authored: AuthoredJob, terms: Terms) -> Job:
    arrival = Arrival(authored, terms.placement, terms.owner)
    try:
        with _large_write(farm) as tx:
            terms.admit(tx)
            terms.check(tx, arrival.begin(tx, farm.clock()))
        tasks = iter(authored.tasks)
        while part := tuple(islice(tasks, PART)):
            with _large_write(farm) as tx:
                arrival.add(tx, part, farm.clock())
        for lot in arrival.dependencies():
            with _large_write(farm) as tx:
                arrival.link(tx, lot, farm.clock())
        with _large_write(farm) as tx:
            terms.admit(tx)
            job = arrival.finish(tx, terms.status, farm.clock())
            terms.tell(tx, job)
            terms.check(tx, job)
    except BaseException:
        # Where this fails as well, what is there goes later.
        with suppress(FarmError), farm.store.write() as tx:
            arrival.give_up(tx, farm.clock())
        raise
    return job
