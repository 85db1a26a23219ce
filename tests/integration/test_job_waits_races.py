"""Workers, people and the chore are at jobs that wait for each other at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from typing import Final

import pytest

from flamenco.domain.errors import Busy, Conflict, NotFound, Refused
from flamenco.domain.job_waits import Kind, Wanted
from flamenco.domain.model import Assignment, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import job_waits, telling
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from tests.integration.farming import job_now, new_worker, report
from tests.integration.waiting import check_counters, frames_job, wait_for

pytestmark = pytest.mark.postgresql

WORKERS: Final = 4
FRAMES: Final = 12


def work(farm: Farm, worker: Worker, is_over: threading.Event) -> None:
    """Take and do what there is, until it is over."""
    while not is_over.is_set():
        with suppress(Busy):
            assigned = claim.assign_next(farm, worker)
            if isinstance(assigned, Assignment):
                report(farm, worker, assigned, TaskStatus.COMPLETED)


def tell(farm: Farm, waiting: list[Job], is_over: threading.Event) -> None:
    """Tell what is to be told, until all is done, or for as long as nobody has patience."""
    try:
        for _ in range(5_000):
            with suppress(Busy):
                telling.tell_all(farm)
                if all(job_now(farm, job).status is JobStatus.COMPLETED for job in waiting):
                    break
    finally:
        is_over.set()


def meddle(farm: Farm, chain: list[Job], is_over: threading.Event) -> None:
    """Have jobs wait, and not wait, and try to have them wait in a circle."""
    first, *_, last = chain
    while not is_over.is_set():
        for asked in (Wanted(job=first.id), Wanted(job=first.id, kind=Kind.FRAMES)):
            with suppress(Busy, Conflict, NotFound):
                job_waits.add(farm, last.id, asked)
            with suppress(Busy, Conflict, Refused):
                job_waits.add(farm, first.id, Wanted(job=last.id))
                job_waits.drop(farm, first.id, last.id)
            with suppress(Busy, NotFound):
                job_waits.drop(farm, last.id, first.id)


def test_all_is_done_in_the_end(farm: Farm) -> None:
    """Nothing is miscounted, and nobody waits for ever."""
    chunks = [str(number) for number in range(FRAMES)]
    chain = [frames_job(farm, *chunks, "video", name=f"job {number}", priority=number) for number in range(4)]
    for before, job in pairwise(chain):
        wait_for(farm, job, before, kind=Kind.FRAMES)
    workers = [new_worker(farm, f"w{number}") for number in range(WORKERS)]
    is_over = threading.Event()
    with ThreadPoolExecutor(WORKERS + 2) as pool:
        running = [pool.submit(work, farm, worker, is_over) for worker in workers]
        running.append(pool.submit(meddle, farm, chain, is_over))
        running.append(pool.submit(tell, farm, chain, is_over))
        for each in running:
            each.result()
    telling.tell_all(farm)
    check_counters(farm)
    assert [job_now(farm, job).status for job in chain] == [JobStatus.COMPLETED] * 4
