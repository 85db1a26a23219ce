"""Jobs of 100,000 tasks: canceled, requeued, deleted; all waiting for the first of them, or the last for all others.

The naive way is one transaction for all of it, in which others wait, or to count anew instead of by one less.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, text

from benchmarks.conftest import MakeFarm
from flamenco import bundled
from flamenco.compiler.compile import Compiler
from flamenco.config import Config
from flamenco.domain.model import Assignment, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import deletion, jobs
from flamenco.farm.context import Farm
from flamenco.store import moves
from flamenco.store.upgrade import upgrade
from flamenco.testing import START
from tests.conftest import authored_job, authored_task, make_hooks
from tests.integration.farming import new_worker, report, store_job, take
from tests.load.test_large_jobs import TimedStore

pytestmark = pytest.mark.long

TASKS = 100_000
ALL_AT_ONCE = 10 * TASKS
LEAST_GAIN = 5
"""So many times longer others wait, by the processor's time, for one transaction of all than for one of ours."""

FAN_IN_ROUNDS = 20

COUNTED_ANEW = text(
    """
    SELECT tasks.key, (
        SELECT count(*) FROM task_dependencies d JOIN tasks other ON other.key = d.dependency_key
        WHERE d.task_key = tasks.key AND other.status <> 'completed')
    FROM tasks WHERE tasks.key IN (SELECT task_key FROM task_dependencies WHERE dependency_key = :completed)
    """
).bindparams(bindparam("completed"))
"""How many unfinished tasks each of those waits for that waited for one, as somebody asks who keeps no count."""


@contextmanager
def farm_with(folder: Path, *, is_fan_out: bool = False) -> Iterator[tuple[Farm, TimedStore, Job]]:
    """A job of which all tasks wait for the first, or none for any."""
    store = TimedStore(f"sqlite:///{folder}/flamenco.sqlite")
    upgrade(store, START)
    farm = Farm(Config(data_dir=folder), store, Compiler([bundled.job_types()]), make_hooks())
    first = authored_task("first", "blender")
    after = (first,) if is_fan_out else ()
    others = [authored_task(f"task-{number}", "blender", after=after) for number in range(1, TASKS)]
    yield farm, store, store_job(farm, authored_job(first, *others))
    farm.close()


def send(farm: Farm, job: Job, status: JobStatus) -> None:
    """Send the job to a status, and see it come to rest."""
    jobs.set_status(farm, job.id, status, "a benchmark")
    assert not jobs.fetch(farm, job.id).moves


@pytest.mark.parametrize("at_once", [moves.AT_ONCE, ALL_AT_ONCE], ids=["in slices", "naive"])
def test_cancel_and_requeue(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """The whole of both, one after the other."""
    monkeypatch.setattr(moves, "AT_ONCE", at_once)
    with farm_with(tmp_path) as (farm, _, job):

        def both() -> None:
            send(farm, job, JobStatus.CANCEL_REQUESTED)
            send(farm, job, JobStatus.REQUEUEING)

        benchmark.pedantic(both, rounds=2)


@pytest.mark.parametrize("most_rows", [deletion.MOST_ROWS, ALL_AT_ONCE], ids=["in slices", "naive"])
def test_delete(benchmark: Any, tmp_path: Path, most_rows: int) -> None:
    """From the wish to the end."""
    with farm_with(tmp_path) as (farm, _, job):

        def whole() -> None:
            deletion.request(farm, job.id)
            while not deletion.delete_some(farm, job.id, most_rows):
                pass

        benchmark.pedantic(whole)


def test_others_wait_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the dearest transaction of a cancellation, against that of all in one, in one run."""
    dearest: list[float] = []
    with farm_with(tmp_path) as (farm, store, job):
        for at_once in (moves.AT_ONCE, ALL_AT_ONCE):
            monkeypatch.setattr(moves, "AT_ONCE", at_once)
            store.dearest_s = 0.0
            send(farm, job, JobStatus.CANCEL_REQUESTED)
            dearest.append(store.dearest_s)
            send(farm, job, JobStatus.REQUEUEING)
    ours, naive = dearest
    print(
        f"\nthe dearest transaction of a cancellation: {ours * 1e3:.1f} ms of the processor, naively {naive * 1e3:.1f}"
    )
    assert ours * LEAST_GAIN <= naive


def completed_s(farm: Farm, worker: Worker, assigned: Assignment) -> float:
    """Processor time that it takes to complete that task."""
    before = time.process_time()
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    return time.process_time() - before


def naive_s(farm: Farm, completed: int) -> float:
    """Processor time of counting anew what those wait for that waited for that task."""
    before = time.process_time()
    with farm.store.read() as tx:
        tx.execute(COUNTED_ANEW, {"completed": completed}).all()
    return time.process_time() - before


def test_fan_out(benchmark: Any, tmp_path: Path) -> None:
    """The task is completed that 99,999 others wait for: no more than thrice what counting anew alone takes."""
    with farm_with(tmp_path, is_fan_out=True) as (farm, _, _job):
        worker = new_worker(farm)
        assigned = take(farm, worker)
        naive = naive_s(farm, assigned.task.key)
        ours = benchmark.pedantic(completed_s, args=(farm, worker, assigned))
        print(f"\na task that {TASKS - 1:,} wait for: {ours:.2f} s of the processor; to count anew: {naive:.2f} s")
        assert ours <= 3 * naive


def test_fan_in(farm_of: MakeFarm) -> None:
    """A task is completed of 100,000 that another one waits for: a small part of what counting anew takes."""
    farm = farm_of(1, TASKS)
    worker = new_worker(farm, "fan-in")
    ours = naive = 0.0
    for _ in range(FAN_IN_ROUNDS):
        assigned = take(farm, worker)
        naive += naive_s(farm, assigned.task.key)
        ours += completed_s(farm, worker, assigned)
    print(
        f"\na task of {TASKS:,}: {ours / FAN_IN_ROUNDS * 1e3:.2f} ms, to count anew {naive / FAN_IN_ROUNDS * 1e3:.2f}"
    )
    assert ours * LEAST_GAIN <= naive
