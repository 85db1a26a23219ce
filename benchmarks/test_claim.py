"""Handing out a task: what it costs must not depend on how much is queued.

The naive way, for comparison, is the query that looks at every task and every dependency there is.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import pytest
from sqlalchemy import text

from benchmarks.conftest import MakeFarm
from flamenco.domain.model import Worker
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from tests.integration.farming import new_worker, present, take

SMALL = (1, 100)
LARGE = (100, 1000)
CLAIMS = 60
MOST_RATIO = 1.5

NAIVE = text(
    """
    SELECT tasks.key FROM tasks JOIN jobs ON jobs.key = tasks.job_key
    WHERE tasks.status IN ('queued', 'soft-failed') AND jobs.status IN ('active', 'queued')
      AND tasks.type IN ('blender', 'ffmpeg', 'file-management', 'misc')
      AND tasks.key NOT IN (
        SELECT d.task_key FROM task_dependencies d JOIN tasks other ON other.key = d.dependency_key
        WHERE other.status <> 'completed')
    ORDER BY jobs.priority DESC, tasks.priority DESC LIMIT 1
    """
)


def seconds_of_claim(farm: Farm, worker: Worker) -> float:
    """How long this worker waits for its task, the transaction's commit included."""
    before = time.perf_counter()
    take(farm, worker)
    return time.perf_counter() - before


def test_a_claim_costs_the_same_among_a_hundred_thousand_tasks(farm_of: MakeFarm) -> None:
    """100 jobs of 1,000 tasks against 1 job of 100: the median claim takes at most 1.5 times as long, in one run."""
    small, large = farm_of(*SMALL), farm_of(*LARGE)
    times: dict[Farm, list[float]] = {small: [], large: []}
    for number in range(CLAIMS):  # by turns, so that a noisy moment of the machine hits both
        for farm, taken in times.items():
            taken.append(seconds_of_claim(farm, new_worker(farm, f"worker {number}")))
    few, many = median(times[small]), median(times[large])
    ratio = many / few
    print(f"\nclaim: {few * 1e3:.2f} ms in the small farm, {many * 1e3:.2f} ms in the large one, ratio {ratio:.2f}")
    assert ratio <= MOST_RATIO


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_claim(benchmark: Any, farm_of: MakeFarm, size: tuple[int, int]) -> None:
    """The claim of a worker that has no task yet."""
    farm = farm_of(*size)
    workers = iter([new_worker(farm, f"bench {number}") for number in range(25)])
    benchmark.pedantic(lambda worker: take(farm, worker), setup=lambda: ((next(workers),), {}), rounds=20)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
def test_idle_poll(benchmark: Any, farm_of: MakeFarm, size: tuple[int, int]) -> None:
    """A worker for which there is nothing to do, since it only knows what waits for everything else."""
    farm = farm_of(*size)
    worker = present(farm, new_worker(farm, "video maker", task_types=("ffmpeg",)))
    assert benchmark(lambda: claim.assign_next(farm, worker)) is None


def test_naive_search(benchmark: Any, farm_of: MakeFarm) -> None:
    """The same question asked naively of 100 jobs of 1,000 tasks; the search alone, without assigning anything."""
    farm = farm_of(*LARGE)
    with farm.store.read() as tx:
        benchmark.pedantic(lambda: tx.execute(NAIVE).all(), rounds=5)
