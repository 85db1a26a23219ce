"""Changes of status that concern very many tasks: some tasks at a time, whoever dies or comes in between."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import select

from flamenco.domain.errors import Conflict
from flamenco.domain.model import AuthoredJob, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import deletion, jobs, moving, tasks
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.services import upkeep
from flamenco.store import jobs as job_store
from flamenco.store import moves, recount, schema
from tests import length
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take
from tests.integration.test_deletion import published

pytestmark = pytest.mark.postgresql

SMALL: Final = 3
TASKS: Final = 11

C, P, R = JobStatus.CANCEL_REQUESTED, JobStatus.PAUSE_REQUESTED, JobStatus.REQUEUEING


@pytest.fixture
def in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job of more than three tasks is a large one, and so is one of which three wait for the same."""
    monkeypatch.setattr(moves, "AT_ONCE", SMALL)
    monkeypatch.setattr(moves, "FREED_AT_ONCE", SMALL)


def fan() -> AuthoredJob:
    """Tasks for which the last one waits, and one in the middle that the job can do without."""
    before = [authored_task(f"t{number}") for number in range(TASKS - 1)]
    return authored_job(*before, authored_task("last", after=tuple(before)))


def begin(farm: Farm, job: Job, status: JobStatus) -> None:
    """Send a job to a status, and die before anything more is done than the first transaction does."""
    with farm.store.write() as tx:
        cascade = Cascade(tx, job_store.lock(tx, job.key), farm.clock())
        cascade.set_job(status, "test")
        cascade.save()
    cascade.write_logs(farm)


def go_on_once(farm: Farm, job: Job) -> None:
    """Do one more slice, and die."""
    with farm.store.write() as tx:
        cascade = Cascade(tx, job_store.lock(tx, job.key), farm.clock())
        cascade.go_on(SMALL)
        cascade.save()


def books(farm: Farm, job: Job) -> list[Any]:
    """All that is kept of a job, its tasks and its queues; everything is counted right."""
    now = job_now(farm, job)
    assert not now.moves
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
        columns = (schema.tasks.c[name] for name in ("status", "activity", "steps_completed", "unmet", "worker_key"))
        of_tasks = tx.execute(
            select(*columns).where(schema.tasks.c.job_key == job.key).order_by(schema.tasks.c.index_in_job)
        ).all()
        of_queues = tx.execute(
            select(schema.queues.c.runnable, schema.queues.c.rank).where(schema.queues.c.job_key == job.key)
        ).all()
    kept = (now.status, now.activity, now.counts, now.steps_completed, now.used_seconds, now.is_open)
    return [kept, [tuple(row) for row in of_tasks], sorted(tuple(row) for row in of_queues)]


def steered(farm: Farm, worker: Worker, path: Sequence[JobStatus], ends: tuple[TaskStatus, ...]) -> list[Any]:
    """What becomes of a job of which a worker ended some tasks, and has one, when it is sent along `path`."""
    job = store_job(farm, fan())
    for end in ends:
        run_next(farm, worker, end)
    if len(ends) < TASKS:
        take(farm, worker)
    for status in path:
        jobs.set_status(farm, job.id, status, "test")
    found = books(farm, job)
    deletion.request(farm, job.id)
    assert deletion.delete_some(farm, job.id)
    return found


DONE, FAILED = TaskStatus.COMPLETED, TaskStatus.FAILED


@pytest.mark.parametrize("ends", [(), (DONE, FAILED, DONE), (DONE,) * TASKS], ids=["fresh", "begun", "completed"])
@pytest.mark.parametrize(
    "path",
    length.every(2, [[C, R], [C], [JobStatus.FAILED, R], [P], [P, R], [R], [P, JobStatus.QUEUED], [JobStatus.FAILED]]),
)
def test_slices_add_up(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, path: list[JobStatus], ends: tuple[TaskStatus, ...]
) -> None:
    """A job that is done in slices ends as one that is done in one transaction."""
    worker = new_worker(farm)
    at_once = steered(farm, worker, path, ends)
    monkeypatch.setattr(moves, "AT_ONCE", SMALL)
    assert steered(farm, worker, path, ends) == at_once


@pytest.mark.usefixtures("in_slices")
@pytest.mark.parametrize(("status", "end"), [(C, "canceled"), (P, "paused"), (JobStatus.FAILED, "canceled")])
def test_what_is_half_done_is_finished_at_the_start(farm: Farm, status: JobStatus, end: str) -> None:
    """Whoever died after some tasks: the job says what is left, counts right, and is done when the manager starts."""
    job = store_job(farm, fan())
    begin(farm, job, status)
    go_on_once(farm, job)
    half = statuses(farm, job)
    assert half == [status.value, *[end] * SMALL, *["queued"] * (TASKS - SMALL)]
    assert claim.assign_next(farm, new_worker(farm)) is None
    assert jobs.finish_transitions(farm) == 1
    rest = {C: "canceled", P: "paused"}.get(status, "failed")
    assert statuses(farm, job) == [rest, *[end] * TASKS]
    assert not jobs.finish_transitions(farm)


@pytest.mark.usefixtures("in_slices")
def test_clients_are_told_when_to_look_again(farm: Farm) -> None:
    """Of a job that is canceled there are the events that there always were, and one after the last of its tasks."""
    job = store_job(farm, fan())
    jobs.set_status(farm, job.id, C, "test")
    told = [each.payload for each in published(farm) if each.payload.get("id") == job.id]
    assert [(each["status"], each["refresh_tasks"]) for each in told] == [
        ("cancel-requested", True),
        ("canceled", False),
        ("canceled", True),
    ]


@pytest.mark.usefixtures("in_slices")
def test_what_is_being_run_ends_at_once(farm: Farm) -> None:
    """Tasks that are being run are canceled first, wherever they are: what workers say counts no more."""
    job, worker = store_job(farm, fan()), new_worker(farm)
    for _ in range(TASKS - 2):
        run_next(farm, worker)
    assigned = take(farm, worker)
    begin(farm, job, C)
    with pytest.raises(Conflict):
        report(farm, worker, assigned, TaskStatus.COMPLETED)
    jobs.finish_transitions(farm)
    assert statuses(farm, job) == ["canceled", *["completed"] * (TASKS - 2), "canceled", "canceled"]


@pytest.mark.usefixtures("in_slices")
def test_the_next_order_waits_for_the_one_before(farm: Farm) -> None:
    """Who steers a job, or a task of it, while another order is half done has that one finished first."""
    job = store_job(farm, fan())
    begin(farm, job, C)
    jobs.set_status(farm, job.id, R, "test")
    assert statuses(farm, job) == ["queued", *["queued"] * TASKS]
    begin(farm, job, C)
    go_on_once(farm, job)
    first = tasks.of_job(farm, job.id)[0]
    tasks.set_status(farm, first.id, TaskStatus.QUEUED, "test")
    assert statuses(farm, job) == ["queued", "queued", *["canceled"] * (TASKS - 1)]


@pytest.mark.usefixtures("in_slices")
def test_a_pause_is_over_when_the_last_task_is(farm: Farm) -> None:
    """A task that ends while others are still to be paused does not pause its job before they are."""
    job, worker = store_job(farm, fan()), new_worker(farm)
    assigned = take(farm, worker)
    begin(farm, job, P)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    assert job_now(farm, job).status is P
    upkeep.finish_moves(farm)
    assert statuses(farm, job) == ["paused", "completed", *["paused"] * (TASKS - 1)]


@pytest.mark.usefixtures("in_slices")
def test_failures_that_are_taken_back_fail_nothing(farm: Farm) -> None:
    """While a job is half requeued, a task that fails is counted with those that stay failed, and with no others."""
    job, worker = store_job(farm, fan()), new_worker(farm)
    for number in (0, 9):
        with farm.store.write() as tx:
            cascade, task = Cascade.of_task(tx, tasks.of_job(farm, job.id)[number].id, farm.clock())
            cascade.set_task(task, TaskStatus.ACTIVE if number == 0 else TaskStatus.FAILED, worker=worker)
            cascade.save()
    begin(farm, job, R)
    go_on_once(farm, job)
    tasks.time_out(farm, tasks.of_job(farm, job.id)[0])
    assert statuses(farm, job) == ["requeueing", "failed", *["queued"] * 8, "failed", "queued"]
    upkeep.finish_moves(farm)
    assert statuses(farm, job) == ["queued", "failed", *["queued"] * 10]


def test_a_job_that_fails_is_cleared_by_a_chore(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose failure ends a large job does not wait for all that this takes down."""
    monkeypatch.setattr(moves, "AT_ONCE", SMALL)
    job, worker = store_job(farm, fan()), new_worker(farm)
    for _ in range(2):
        run_next(farm, worker, TaskStatus.FAILED)
    assert statuses(farm, job)[:4] == ["failed", "failed", "failed", "queued"]
    upkeep.finish_moves(farm)
    assert statuses(farm, job) == ["failed", "failed", "failed", *["canceled"] * (TASKS - 2)]


@pytest.mark.usefixtures("in_slices")
def test_nobody_goes_on_with_what_is_to_be_deleted(farm: Farm) -> None:
    """A job that somebody wants deleted half-way goes, and is not finished before."""
    job = store_job(farm, fan())
    begin(farm, job, C)
    deletion.request(farm, job.id)
    assert moving.finish_all(farm) == 0
    moving.finish(farm, job.key)
    assert job_now(farm, job).moves
    while not deletion.delete_some(farm, job.id, most_rows=4):
        pass
    moving.finish(farm, job.key)


@pytest.mark.usefixtures("in_slices")
def test_two_do_not_do_it_twice(farm: Farm) -> None:
    """Two that go on with the same job, and one that wants it otherwise, end with one of the two orders, all of it."""
    job = store_job(farm, fan())
    for _ in range(5):
        begin(farm, job, C)
        orders: list[Callable[[], object]] = [
            lambda: moving.finish(farm, job.key),
            lambda: moving.finish_all(farm),
            lambda: jobs.set_status(farm, job.id, R, "test"),
        ]
        with ThreadPoolExecutor(len(orders)) as pool:
            for done in [pool.submit(order) for order in orders]:
                done.result(60)
        assert statuses(farm, job) == ["queued"] * (TASKS + 1)
        assert job_now(farm, job).counts.queued == TASKS


def fan_out() -> AuthoredJob:
    """Tasks of which all others wait for the first two."""
    first, second = authored_task("first"), authored_task("second")
    return authored_job(first, second, *(authored_task(f"t{number}", after=(first, second)) for number in range(TASKS)))


def waiting(farm: Farm, job: Job) -> list[int]:
    """For how many others each task of a job still waits, as far as it was told."""
    by_number = select(schema.tasks.c.unmet).where(schema.tasks.c.job_key == job.key)
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
        return list(tx.execute(by_number.order_by(schema.tasks.c.index_in_job)).scalars())


@pytest.mark.usefixtures("in_slices")
def test_many_that_wait_for_one_are_freed_some_at_a_time(farm: Farm) -> None:
    """A task for which very many wait lets some of them go at once, and a chore the others; none of them too soon."""
    job, worker = store_job(farm, fan_out()), new_worker(farm)
    run_next(farm, worker)
    assert sorted(waiting(farm, job)) == [0, 0, *[1] * SMALL, *[2] * (TASKS - SMALL)]
    run_next(farm, worker)
    assert sum(not left for left in waiting(farm, job)) <= 2 + SMALL
    go_on_once(farm, job)
    assert claim.assign_next(farm, new_worker(farm, "another")) is not None
    upkeep.finish_moves(farm)
    assert waiting(farm, job) == [0] * (2 + TASKS)
    assert not job_now(farm, job).moves
    for _ in range(TASKS - 1):
        run_next(farm, worker)
    assert statuses(farm, job)[0] == "active"


@pytest.mark.usefixtures("in_slices")
def test_who_is_to_wait_again_is_told_at_once(farm: Farm) -> None:
    """A task that is queued again, while those that wait for it are still being freed, has all of them wait."""
    job, worker = store_job(farm, fan_out()), new_worker(farm)
    for _ in range(2):
        run_next(farm, worker)
    go_on_once(farm, job)
    with farm.store.write() as tx:
        cascade, task = Cascade.of_task(tx, tasks.of_job(farm, job.id)[0].id, farm.clock())
        cascade.set_task(task, TaskStatus.QUEUED)
        cascade.save()
    assert all(waiting(farm, job)[2:])
    upkeep.finish_moves(farm)
    assert waiting(farm, job) == [0, 0, *[1] * TASKS]


@pytest.mark.usefixtures("in_slices")
def test_a_pause_waits_for_those_that_are_freed(farm: Farm) -> None:
    """A job that pauses when its last running task ends does so once all that waited for that one are counted."""
    job, worker = store_job(farm, fan_out()), new_worker(farm)
    run_next(farm, worker)
    upkeep.finish_moves(farm)
    assigned = take(farm, worker)
    jobs.set_status(farm, job.id, P, "lunch")
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    upkeep.finish_moves(farm)
    now = job_now(farm, job)
    assert (now.status, "lunch" in now.activity) == (JobStatus.PAUSED, True)
    assert waiting(farm, job) == [0] * (2 + TASKS)


CHILD = """
import sys
from pathlib import Path
from flamenco.config import Config
from flamenco.compiler.compile import Compiler
from flamenco.domain.statuses import JobStatus
from flamenco.farm import jobs, moving
from flamenco.farm.context import Farm
from flamenco.store import moves
from flamenco.store.engine import Store
from tests.conftest import make_hooks

class Pauses:
    monotonic = staticmethod(moving.time.monotonic)
    left = int(sys.argv[4])

    @classmethod
    def sleep(cls, _seconds):
        cls.left -= 1
        if cls.left == 0:
            print("now", flush=True)
            sys.stdin.read()

moves.AT_ONCE, moving.time = 3, Pauses
farm = Farm(Config(data_dir=Path(sys.argv[1])), Store(sys.argv[2]), Compiler([]), make_hooks())
jobs.set_status(farm, sys.argv[3], JobStatus(sys.argv[5]), "test")
"""
"""A process that stops between two slices, as those do that are killed there."""


@pytest.mark.parametrize("slices", length.every(3, [1, 2, 3]))
@pytest.mark.parametrize("status", [C, R])
def test_killed_in_the_middle(
    farm: Farm, database_url: str, tmp_path: Path, status: JobStatus, slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed between two slices leaves a job that is finished, once, by whoever comes next."""
    job, worker = store_job(farm, fan()), new_worker(farm)
    for _ in range(TASKS if status is R else 0):
        run_next(farm, worker)
    command = [sys.executable, "-c", CHILD, str(tmp_path), database_url, job.id, str(slices), status.value]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "now\n"
        child.kill()
    half = statuses(farm, job)
    assert half[0] == status.value
    assert half[-1] == ("queued" if status is C else "completed")
    monkeypatch.setattr(moves, "AT_ONCE", SMALL)
    assert jobs.finish_transitions(farm) == 1
    rest = "canceled" if status is C else "queued"
    assert statuses(farm, job) == [rest] * (TASKS + 1)
    assert [task.unmet for task in tasks.of_job(farm, job.id)] == [0] * (TASKS - 1) + [TASKS - 1 if status is R else 10]
    books(farm, job)
