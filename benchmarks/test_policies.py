"""What scheduling policies cost: nothing while a worker waits, and a little of one process's time every second.

Three policies that look at the farm and the clock, over 1,000 open jobs, against the default over 10, in one run. The
naive way, for comparison, asks the policies anew at every poll.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from flamenco import Hold, JobCandidate, SchedulingPolicy, Term, builtin
from flamenco.bootstrap import create_farm
from flamenco.config import load
from flamenco.domain.scheduling.ranking import PolicyResult, rank
from flamenco.domain.scheduling.values import Ranked
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.farm.scheduling.policies import Policies
from flamenco.farm.scheduling.ranking import ranked_jobs
from flamenco.services import ranking
from flamenco.services.runner import Chore, Runner
from flamenco.store.upgrade import upgrade
from flamenco.testing import START
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job, take

FEW, MANY = 10, 1_000
TASKS_EACH = 20
USERS = 25
ROUNDS = 120
ADDED_UP = 10_000
MOST_RATIO = 2.0

POLICIES = """
plugins:
  fair_share:
    shares: {user-0: 50, user-1: 30}
  ageing:
  deadline:
  worker_limits:
    limits: {nuke: 5}
    task_types: {nuke: [nuke]}
"""

MakeFarm = Callable[[int, str], Farm]


@pytest.fixture(scope="module")
def farm_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeFarm]:
    """Makes a farm with so many open jobs of several users, and that text in its configuration."""
    made: dict[int, Farm] = {}

    def make(jobs: int, text: str) -> Farm:
        if jobs not in made:
            folder: Path = tmp_path_factory.mktemp(f"farm-{jobs}")
            file = folder / "flamenco-manager.yaml"
            file.write_text(text or "{}")
            loaded = load(file, folder / "data", environ={}, hooks=builtin.core_hooks({}))
            farm = create_farm(loaded.config, loaded.hooks)
            upgrade(farm.store, farm.clock())
            for number in range(jobs):
                job = authored_job(
                    *(authored_task(f"t{n}", "blender") for n in range(TASKS_EACH)),
                    authored_task("comp", "nuke"),
                    metadata={"user": f"user-{number % USERS}", "deadline": f"2030-01-{number % 28 + 1:02}"},
                    settings={"max_workers": number % 3 and 15, "frames": "1-20", "output": "/farm/shot/######"},
                    created=START,
                )
                store_job(farm, job)
            ranking.tick(farm)
            made[jobs] = farm
        return made[jobs]

    yield make
    for farm in made.values():
        farm.close()


def measured(farm: Farm, count: int) -> tuple[list[float], list[float]]:
    """Seconds of claims, and of polls by a worker for which there is nothing."""
    claims, polls = [], []
    idle = new_worker(farm, "idle", task_types=("ffmpeg",))
    for number in range(count):
        worker = new_worker(farm, f"worker {number}", task_types=("blender", "ffmpeg", "misc"))
        before = time.perf_counter()
        take(farm, worker)
        between = time.perf_counter()
        assert claim.assign_next(farm, idle) is None
        claims.append(between - before)
        polls.append(time.perf_counter() - between)
    return claims, polls


@pytest.mark.long
def test_policies_cost_a_worker_nothing(farm_with: MakeFarm) -> None:
    """1,000 jobs under three policies against 10 under the default: claims and idle polls take at most twice as long.

    Meanwhile the jobs are ranked anew every second, as in a manager.
    """
    few, many = farm_with(FEW, ""), farm_with(MANY, POLICIES)
    runner = Runner(many, [Chore("ranking", ranking.tick)])
    runner.start()
    times: dict[str, list[float]] = {"few claims": [], "few polls": [], "many claims": [], "many polls": []}
    for _ in range(ROUNDS // 10):  # by turns, so that a noisy moment of the machine hits both
        for name, farm in (("few", few), ("many", many)):
            claims, polls = measured(farm, 10)
            times[f"{name} claims"] += claims
            times[f"{name} polls"] += polls
    runner.stop()
    middle = {name: median(taken) for name, taken in times.items()}
    ratios = {what: middle[f"many {what}"] / middle[f"few {what}"] for what in ("claims", "polls")}
    print(f"\n{ {name: f'{seconds * 1e3:.2f} ms' for name, seconds in middle.items()} }, ratios {ratios}")
    assert all(ratio <= MOST_RATIO for ratio in ratios.values()), ratios


@pytest.mark.long
def test_ranking(benchmark: Any, farm_with: MakeFarm) -> None:
    """Ranking 1,000 open jobs under three policies: what one process does once a second."""
    farm = farm_with(MANY, POLICIES)
    benchmark(lambda: ranking.tick(farm))


def ranked_by_tables(jobs: Sequence[JobCandidate], results: Sequence[PolicyResult]) -> list[Ranked]:
    """The naive way to add up: a table of the weights for every job, and every answer of a policy looked up twice."""
    ranked = []
    for job in jobs:
        terms = {result.policy: result.terms[job.id] for result in results if job.id in result.terms}
        holds = {result.policy: result.holds[job.id] for result in results if job.id in result.holds}
        weights = {result.policy: result.weight for result in results}
        total = math.fsum(weights[policy] * term.score for policy, term in terms.items())
        ranked.append(Ranked(job.id, None if holds else total, terms, holds))
    return ranked


def test_adding_up() -> None:
    """What four policies say of 10,000 jobs is added up in less processor time than the naive way takes, in one run."""
    jobs = [
        JobCandidate(id=f"job-{n}", name="", type="test", priority=50, created=START, metadata={}, settings={})
        for n in range(ADDED_UP)
    ]
    terms = {job.id: Term(float(number), "its number") for number, job in enumerate(jobs)}
    results = [PolicyResult(f"policy-{n}", n + 0.5, terms, {jobs[n].id: Hold("not yet")}) for n in range(4)]
    times: dict[Any, list[float]] = {rank: [], ranked_by_tables: []}
    assert rank(jobs, results) == ranked_by_tables(jobs, results)
    for _ in range(11):  # by turns, so that a noisy moment of the machine hits both
        for add_up, taken in times.items():
            before = time.process_time()
            add_up(jobs, results)
            taken.append(time.process_time() - before)
    ours, naive = (median(taken) * 1e3 for taken in times.values())
    print(f"\nadding up: {ours:.1f} ms of processor time, naively {naive:.1f} ms")
    assert ours < naive


@pytest.mark.long
def test_ranking_at_every_poll(benchmark: Any, farm_with: MakeFarm) -> None:
    """The naive way: what a poll would cost that asked the policies itself."""
    farm = farm_with(MANY, POLICIES)
    worker = new_worker(farm, "naive", task_types=("ffmpeg",))

    def poll() -> None:
        with farm.store.read() as tx:
            ranked_jobs(tx, farm, farm.clock())
        assert claim.assign_next(farm, worker) is None

    benchmark.pedantic(poll, rounds=10)


@pytest.mark.long
def test_a_poll_that_a_policy_refuses_everything(benchmark: Any, farm_with: MakeFarm) -> None:
    """A worker that a policy keeps from all of 1,000 open jobs: the dearest poll there is, asked job by job."""
    farm = farm_with(MANY, POLICIES)
    before = farm.policies
    refuse = SchedulingPolicy(name="no", description="", accepts=lambda _job, _worker: Hold("no"))
    farm.policies = Policies({policy.name: policy for policy in (*before.in_use, refuse)}, {})
    worker = new_worker(farm, "refused", task_types=("blender",))
    assert benchmark(lambda: claim.assign_next(farm, worker)) is None
    farm.policies = before
