"""Many workers ask at the same time while somebody sets limits: none begins what is beyond one. Both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import pytest
from sqlalchemy import select

from flamenco.domain.errors import Busy
from flamenco.domain.model import Assignment, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import limits
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import jobs as job_store
from flamenco.store import recount
from flamenco.store.engine import Tx
from flamenco.store.scheduling import limits as limit_store
from flamenco.store.schema import tasks
from tests.integration.farming import job_now, report
from tests.integration.limiting import job_by, running, worker_at
from tests.integration.test_races import wait_for_waiting

pytestmark = pytest.mark.postgresql

TEAM: Final = 8
ROUNDS: Final = 6


def test_all_at_once(farm: Farm) -> None:
    """Each limit is used up and no more, of a user, a project and a machine, though there are tasks for all."""
    for _ in range(3):
        job_by(farm, "ann", "p", 6, priority=90)
    job_by(farm, "bob", "p", 6)
    team = [worker_at(farm, f"w{number}", f"10.0.0.{number % 2}") for number in range(TEAM)]
    for name, most in (("user:ann", 2), ("project:p", 5), ("machine:*", 3)):
        limits.change(farm, name, most)
    start = threading.Barrier(TEAM)

    def ask(worker: Worker) -> object:
        start.wait()
        return claim.assign_next(farm, worker)

    with ThreadPoolExecutor(TEAM) as pool:
        given = [each for each in pool.map(ask, team) if each is not None]
    found = running(farm)
    assert (found["user:ann"], found["project:p"], found["machine:*"]) == (2, len(given), len(given))
    assert len(given) == 5
    assert max(found["10.0.0.0"], found["10.0.0.1"]) <= 3


def test_while_limits_change(farm: Farm) -> None:
    """What is in use is never more than the highest limit of the time, all is done in the end, and all is counted."""
    made = [job_by(farm, user, "p", 12) for user in ("ann", "bob", "ann")]
    team = [worker_at(farm, f"w{number}", f"10.0.0.{number % 2}") for number in range(TEAM)]
    limits.change(farm, "project:p", 4)
    is_over = threading.Event()

    def work(worker: Worker) -> None:
        while not is_over.is_set():
            with suppress(Busy):
                assigned = claim.assign_next(farm, worker)
                if isinstance(assigned, Assignment):
                    report(farm, worker, assigned, TaskStatus.COMPLETED)

    def meddle() -> None:
        for number in range(1_000):
            with suppress(Busy):
                limits.change(farm, "user:ann", (1, None, 3)[number % 3])
                limits.change(farm, "machine:*", (2, None)[number % 2])
                limits.change(farm, "project:p", (4, 3)[number % 2])
            states = {each.name: each for each in limits.states(farm)}
            assert states["project:p"].in_use <= 4
            if all(job_now(farm, job).status is JobStatus.COMPLETED for job in made):
                break
        is_over.set()

    with ThreadPoolExecutor(TEAM + 1) as pool:
        everybody = [pool.submit(work, worker) for worker in team]
        pool.submit(meddle).result()
        for each in everybody:
            each.result()
    assert [job_now(farm, job).status for job in made] == [JobStatus.COMPLETED] * 3
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    assert all(each.in_use == 0 for each in limits.states(farm))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whoever_is_late_for_a_limit_gets_something_else(farm: Farm) -> None:
    """Somebody takes the last slot while another waits for it: that one lets go of the job, and gets another."""
    limited, other = job_by(farm, "ann", "p", 2, priority=90), job_by(farm, "bob", "p", 2)
    limits.change(farm, "user:ann", 1)
    first, late = (worker_at(farm, f"w{number}", "10.0.0.1") for number in range(2))
    elsewhere = job_by(farm, "ann", "q", 1, priority=10)
    with farm.store.read() as tx:
        task = first_task(tx, elsewhere)
    with ThreadPoolExecutor(1) as pool:
        with farm.store.write() as tx:
            limit_store.lock(tx, elsewhere.key, ["user:ann"], first.address)
            limit_store.take(tx, ["user:ann"], task)
            asked = pool.submit(claim.assign_next, farm, late)
            wait_for_waiting(farm)
        assigned = asked.result(20)
    assert isinstance(assigned, Assignment)
    assert assigned.task.job_id == other.id
    with farm.store.write() as tx:
        assert job_store.lock(tx, limited.key).counts.active == 0


def first_task(tx: Tx, job: Job) -> int:
    """The row number of a job's first task."""
    return int(tx.execute(select(tasks.c.key).where(tasks.c.job_key == job.key).limit(1)).scalar_one())
