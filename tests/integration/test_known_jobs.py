"""What a process remembers of jobs, for policies: shared by the threads that rank, claim and delete."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from flamenco.farm.context import Farm
from flamenco.store.scheduling import ranking
from tests.conftest import authored_job, authored_task
from tests.integration.farming import store_job

JOBS = 1_100  # more than the thousand that are kept whether they are open or not
ROUNDS = 5
THREADS = 4


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.long
@pytest.mark.usefixtures("hasty_threads")
def test_threads_read_and_forget_at_the_same_time(farm: Farm) -> None:
    """Every thread is given all the jobs it asks for, however many others forget them meanwhile, and none fails."""
    stored = [store_job(farm, authored_job(authored_task("only"), name=str(number))) for number in range(JOBS)]

    def rank_and_forget(_thread: int) -> None:
        for turn in range(ROUNDS):
            with farm.store.read() as tx:
                there = ranking.open_jobs(tx)
                assert [job.id for job in farm.known_jobs.candidates(tx, there).values()] == [job.id for job in stored]
                one = stored[turn]
                farm.known_jobs.forget(one.key)
                seen = farm.known_jobs.seen_last(tx, one.key, one.id)
                assert seen is not None
                assert seen.id == one.id
            farm.known_jobs.forget_all_but([])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(rank_and_forget, range(THREADS)))
