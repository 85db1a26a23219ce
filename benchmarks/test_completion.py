"""Completing a task: what it costs must not depend on how many there are in its job.

A last task waits for all others, as in a render with a video of it, so each completion is noted there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest

from benchmarks.conftest import MakeFarm
from flamenco.domain.model import Assignment, Worker
from flamenco.domain.statuses import TaskStatus
from flamenco.farm.context import Farm
from tests.integration.farming import new_worker, report, take

SMALL, LARGE = 110, 100_000
"""Sizes that no other benchmark has: the tasks of these farms are used up."""

COMPLETIONS = 90
MOST_RATIO = 1.3


def completed(farm: Farm, worker: Worker) -> tuple[float, float]:
    """Processor time, in seconds, of taking a task, and of completing it."""
    before = time.process_time()
    assigned = take(farm, worker)
    between = time.process_time()
    report(farm, worker, assigned, TaskStatus.COMPLETED, log="done\n")
    return between - before, time.process_time() - between


def test_a_completion_costs_the_same_in_a_job_of_a_hundred_thousand(farm_of: MakeFarm) -> None:
    """A task of 100,000 against one of 100: the median completion takes at most 1.3 times as long, in one run."""
    farms = {tasks: farm_of(1, tasks) for tasks in (SMALL, LARGE)}
    workers = {tasks: new_worker(farm) for tasks, farm in farms.items()}
    takes: dict[int, list[float]] = {SMALL: [], LARGE: []}
    ends: dict[int, list[float]] = {SMALL: [], LARGE: []}
    for _ in range(COMPLETIONS):  # by turns, so that a noisy moment of the machine hits both
        for tasks, farm in farms.items():
            taken, ended = completed(farm, workers[tasks])
            takes[tasks].append(taken)
            ends[tasks].append(ended)
    ratios = {name: median(spent[LARGE]) / median(spent[SMALL]) for name, spent in (("take", takes), ("end", ends))}
    micros = {tasks: f"{median(spent) * 1e6:.0f} µs" for tasks, spent in ends.items()}
    print(f"\na completion: {micros}, ratios {ratios}")
    assert max(ratios.values()) <= MOST_RATIO, ratios


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size} tasks")
def test_completion(benchmark: Any, farm_of: MakeFarm, size: int) -> None:
    """The report of a worker that has completed a task of so many."""
    farm = farm_of(1, size)
    worker = new_worker(farm, "bench")
    of_job: Iterator[Assignment] = iter(lambda: take(farm, worker), None)

    def complete(assigned: Assignment) -> None:
        report(farm, worker, assigned, TaskStatus.COMPLETED, log="done\n")

    benchmark.pedantic(complete, setup=lambda: ((next(of_job),), {}), rounds=9)
