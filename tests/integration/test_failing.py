"""Failures, blocks and time-outs as the farm carries them out, on both databases."""

from __future__ import annotations

from collections.abc import Callable

from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.services import timeouts
from flamenco.store import failures
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take


def test_a_failed_task_is_tried_by_others_until_enough_failed(farm: Farm) -> None:
    """Two soft failures, the third worker's is hard; nobody gets the same task twice."""
    team = [new_worker(farm, f"w{n}") for n in range(4)]
    tries = [authored_task("bad"), *(authored_task(f"t{n}", "blender") for n in range(10))]
    job = store_job(farm, authored_job(*tries))
    for worker, expected in zip(team, ["soft-failed", "soft-failed", "failed"], strict=False):
        assert run_next(farm, worker, TaskStatus.FAILED) == "bad"
        assert statuses(farm, job)[1] == expected
        assert take(farm, worker).task.name != "bad"
    assert job_now(farm, job).status is JobStatus.ACTIVE
    log = farm.logs.tail(job.id, tries[0].id)
    assert "Task failed by 1 worker, Manager will mark it as soft failure. 2 more failures will cause" in log
    assert "Task failed by 3 workers, Manager will mark it as hard failure" in log


def test_the_job_fails_with_a_tenth_of_its_tasks(make_farm: Callable[..., Farm]) -> None:
    """One of ten failed tasks fails the job; the rest of its tasks are canceled."""
    farm = make_farm(task_fail_after_softfail_count=1)
    job = store_job(farm, authored_job(*(authored_task() for _ in range(10))))
    worker = new_worker(farm)
    new_worker(farm, "other")
    run_next(farm, worker, TaskStatus.FAILED)
    assert statuses(farm, job) == ["failed", "failed", *["canceled"] * 9]
    assert "too many tasks failed" in job_now(farm, job).activity


def test_a_job_of_eleven_survives_one_failure(make_farm: Callable[..., Farm]) -> None:
    """Nine percent is not ten."""
    farm = make_farm(task_fail_after_softfail_count=1)
    job = store_job(farm, authored_job(*(authored_task() for _ in range(11))))
    new_worker(farm, "other")
    run_next(farm, new_worker(farm), TaskStatus.FAILED)
    assert job_now(farm, job).status is JobStatus.ACTIVE


def test_nobody_left_fails_the_task_and_not_the_job(farm: Farm) -> None:
    """The only worker that could run a task failed it: waiting would be for ever. The others of the job go on."""
    job = store_job(farm, authored_job(*(authored_task() for _ in range(30))))
    worker, bare = new_worker(farm), new_worker(farm, "bare")
    new_worker(farm, "cannot", task_types=("blender",))
    workers.tell_commands(farm, bare, ["sleep"])
    run_next(farm, worker, TaskStatus.FAILED)
    assert statuses(farm, job)[:3] == ["active", "failed", "queued"]


def test_the_only_worker_is_blocked(farm: Farm) -> None:
    """Nobody is left for all the other tasks of that type, so the job ends, and says why and what failed."""
    job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(100))))
    worker = new_worker(farm, "bad")
    for _ in range(3):
        report(farm, worker, take(farm, worker), TaskStatus.FAILED, activity="Failed: echo: no paper")
    assert statuses(farm, job)[:6] == ["failed", "failed", "failed", "failed", "canceled", "canceled"]
    told = job_now(farm, job).activity
    assert 'no more workers left to run tasks of type "misc": worker bad is blocked' in told
    assert "t0: echo: no paper" in told


def test_a_few_tasks_that_nobody_is_left_for(farm: Farm) -> None:
    """Where they are less than a tenth the rest of the job is run first; then it fails and names them."""
    renders = [authored_task(f"r{n}", "blender") for n in range(60)]
    job = store_job(farm, authored_job(*(authored_task(f"m{n}") for n in range(5)), *renders))
    bad, good = new_worker(farm, "bad", task_types=("misc",)), new_worker(farm, "good", task_types=("blender",))
    for _ in range(3):
        run_next(farm, bad, TaskStatus.FAILED)
    assert statuses(farm, job)[:7] == ["active", *["failed"] * 5, "queued"]
    for _ in renders:
        run_next(farm, good)
    assert job_now(farm, job).status is JobStatus.FAILED
    assert (
        "5 of 65 tasks failed: m0, m1, m2, m3: Nobody can run this any more: worker bad" in job_now(farm, job).activity
    )


def test_a_worker_is_blocked_at_its_third_failed_task(farm: Farm) -> None:
    """The third failure of a type blocks the worker from it in that job, gives its failures back, and nothing else."""
    job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(40)), authored_task("b", "blender")))
    bad, good = new_worker(farm, "bad"), new_worker(farm, "good")
    assert [run_next(farm, bad, TaskStatus.FAILED) for _ in range(2)] == ["t0", "t1"]
    with farm.store.read() as tx:
        assert not failures.is_blocked(tx, job.key, bad.key, "misc")
    assert run_next(farm, bad, TaskStatus.FAILED) == "t2"
    with farm.store.read() as tx:
        assert failures.is_blocked(tx, job.key, bad.key, "misc")
    assert run_next(farm, bad) == "b"
    assert claim.assign_next(farm, bad) is None
    assert run_next(farm, good) == "t0"
    other_job = store_job(farm, authored_job(authored_task("elsewhere")))
    assert run_next(farm, bad) == "elsewhere"
    assert job_now(farm, other_job).status is JobStatus.COMPLETED


def test_requeueing_a_job_forgets_failures_and_blocks(farm: Farm) -> None:
    """Who requeues a job wants everybody to try again."""
    job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(40))))
    bad = new_worker(farm, "bad")
    new_worker(farm, "good")
    for _ in range(3):
        run_next(farm, bad, TaskStatus.FAILED)
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "again")
    assert run_next(farm, bad) == "t0"


def test_a_silent_task_times_out(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """A task nobody reported on fails at its time-out, and its worker may still complete it afterwards."""
    farm = make_farm(worker_timeout=10_000.0)
    job = store_job(farm, authored_job(*(authored_task() for _ in range(20))))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    clock.forward(599)
    timeouts.tick(farm)
    assert statuses(farm, job)[1] == "active"
    assert tasks.may_run(farm, worker, assigned.task.id).may_keep_running
    clock.forward(600)
    timeouts.tick(farm)
    assert statuses(farm, job)[1] == "failed"
    assert "Task timed out" in farm.logs.tail(job.id, assigned.task.id)
    assert not tasks.may_run(farm, worker, assigned.task.id).may_keep_running
    tasks.update(farm, worker, assigned.task.id, tasks.TaskChange(status=TaskStatus.COMPLETED))
    assert statuses(farm, job)[1] == "completed"


def test_a_task_that_a_person_calls_active_times_out(farm: Farm, clock: Clock) -> None:
    """Nobody runs it, so nobody would ever say that it ended."""
    job = store_job(farm, authored_job(authored_task()))
    tasks.set_status(farm, tasks.of_job(farm, job.id)[0].id, TaskStatus.ACTIVE, "because")
    clock.forward(600)
    timeouts.tick(farm)
    assert statuses(farm, job) == ["failed", "failed"]


def test_a_silent_worker_times_out_and_its_task_goes_back(farm: Farm, clock: Clock) -> None:
    """A worker that was not heard of for a minute is in error; somebody else gets its task."""
    job = store_job(farm, authored_job(authored_task()))
    lost = new_worker(farm, "lost")
    take(farm, lost)
    clock.forward(61)
    present = new_worker(farm, "present")
    timeouts.tick(farm)
    assert [worker.status for worker in workers.list_all(farm)] == [WorkerStatus.ERROR, WorkerStatus.AWAKE]
    assert statuses(farm, job) == ["active", "queued"]
    assert take(farm, present).task.name == "task"


def test_time_outs_can_be_switched_off(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """A task time-out of zero means nobody is ever given up."""
    farm = make_farm(task_timeout=0.0)
    store_job(farm, authored_job(authored_task()))
    take(farm, new_worker(farm))
    clock.forward(1_000_000)
    timeouts.tick(farm)
    assert workers.list_all(farm)[0].status is WorkerStatus.AWAKE


def test_a_failure_in_a_job_that_was_declared_completed(make_farm: Callable[..., Farm]) -> None:
    """Giving back a blocked worker's failed tasks queues the whole job again; the failure at hand still counts."""
    farm = make_farm(task_fail_after_softfail_count=1, blocklist_threshold=2)
    job = store_job(farm, authored_job(*(authored_task() for _ in range(30))))
    bad = new_worker(farm, "bad")
    new_worker(farm, "good")
    run_next(farm, bad, TaskStatus.FAILED)
    assigned = take(farm, bad)
    jobs.set_status(farm, job.id, JobStatus.COMPLETED, "enough")
    tasks.update(farm, bad, assigned.task.id, tasks.TaskChange(status=TaskStatus.FAILED))
    assert statuses(farm, job)[:4] == ["active", "queued", "failed", "queued"]
