"""Workers that fail everything: they are given nothing, until somebody says that they are well."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flamenco.config.failure_settings import FailuresConfig
from flamenco.domain.access import ITSELF
from flamenco.domain.actions import WorkerAction
from flamenco.domain.errors import Conflict
from flamenco.domain.model import Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.time_limits import JobTimeLimits, TimeLimits
from flamenco.farm import jobs, sickness, workers
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.of_workers import Workers
from flamenco.farm.actions.values import Asked
from flamenco.farm.context import Farm
from flamenco.farm.overdue import Overdue
from flamenco.farm.scheduling import claim, explanation
from flamenco.services import timeouts
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, present, run_next, store_job, take
from tests.integration.test_deletion import published


@pytest.fixture
def patient(make_farm: Callable[..., Farm]) -> Farm:
    """A farm in which nobody is blocked, and jobs fail late."""
    return make_farm(blocklist_threshold=1000, failures=FailuresConfig(job_fail_percent=100))


def job_of(farm: Farm, number: int = 50, priority: int = 50) -> Job:
    """A job that takes long."""
    return store_job(farm, authored_job(*(authored_task(f"t{each}") for each in range(number)), priority=priority))


def fail_of_two_jobs(farm: Farm, worker: Worker) -> tuple[Job, Job]:
    """It fails four tasks of one job, and one of another."""
    first = job_of(farm)
    for _ in range(4):
        run_next(farm, worker, TaskStatus.FAILED)
    second = job_of(farm, priority=90)
    run_next(farm, worker, TaskStatus.FAILED)
    return first, second


def test_five_failures_of_two_jobs(patient: Farm) -> None:
    """It is in error to all clients, told why, and given nothing; whoever asks why a job waits is told as well."""
    farm, worker = patient, new_worker(patient, "bad")
    _, second = fail_of_two_jobs(farm, worker)
    now = present(farm, worker)
    sentence = "It failed 5 tasks of 2 jobs, one after the other."
    assert (now.status, now.sick, now.sick_since) == (WorkerStatus.ERROR, sentence, farm.clock())
    with pytest.raises(Conflict, match=sentence):
        claim.assign_next(farm, worker)
    reason = explanation.explain(farm, second.id, worker.id).waiting[-1]
    assert f"it is sick: {sentence} (`flamenco workers heal bad`)" in reason.text
    assert published(farm, "/workers")[-1].payload["status"] == "error"


def test_one_bad_job_makes_nobody_sick(patient: Farm) -> None:
    """However often it fails, on all workers."""
    farm = patient
    job = job_of(farm)
    team = [new_worker(farm, f"w{number}") for number in range(3)]
    for _ in range(10):
        for worker in team:
            run_next(farm, worker, TaskStatus.FAILED)
    assert job_now(farm, job).status is JobStatus.ACTIVE
    assert [present(farm, worker).status for worker in team] == [WorkerStatus.AWAKE] * 3


def test_a_success_in_between(patient: Farm) -> None:
    """All before it is forgotten."""
    farm, worker = patient, new_worker(patient)
    fail_half, _ = job_of(farm), job_of(farm)
    for _ in range(4):
        run_next(farm, worker, TaskStatus.FAILED)
    run_next(farm, worker)
    assert present(farm, worker).failing == ()
    jobs.set_priority(farm, fail_half.id, 10)
    for _ in range(4):
        run_next(farm, worker, TaskStatus.FAILED)
    assert present(farm, worker).status is WorkerStatus.AWAKE


def test_what_took_too_long_counts_as_well(patient: Farm, clock: Clock) -> None:
    """A worker on which all hangs is no better."""
    farm, worker, overdue = patient, new_worker(patient), Overdue(patient)
    for number in range(2):
        limits = JobTimeLimits(own={"*": TimeLimits(max_run_s=10)})
        tasks = (authored_task(f"t{each}") for each in range(20))
        store_job(farm, authored_job(*tasks, priority=50 + number, time_limits=limits))
        for _ in range(3 - number):
            take(farm, worker)
            overdue.look(farm)
            clock.forward(10)
            workers.requested_status(farm, worker)
            overdue.look(farm)
    assert present(farm, worker).sick


def test_nothing_but_healing_helps(patient: Farm, clock: Clock) -> None:
    """It may wake, sleep, restart, be waited for: to it, nothing changes; when it is healed, it goes on."""
    farm, worker = patient, new_worker(patient)
    fail_of_two_jobs(farm, worker)
    workers.request_status(farm, worker.id, WorkerStatus.AWAKE, lazy=False)
    assert claim.assign_next(farm, worker) is WorkerStatus.AWAKE
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    assert present(farm, worker).status is WorkerStatus.ERROR
    assert present(farm, worker).status_requested is None
    workers.sign_off(farm, worker)
    workers.sign_on(
        farm, worker, name="w", software="test", task_types=("misc",), can_restart=False, address="127.0.0.1"
    )
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    clock.forward(10_000)
    timeouts.tick(farm)
    with pytest.raises(Conflict):
        claim.assign_next(farm, worker)
    sickness.heal(farm, worker.id, "its self-test passed")
    assert claim.assign_next(farm, worker) is WorkerStatus.AWAKE
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    now = present(farm, worker)
    assert (now.status, now.sick, now.failing) == (WorkerStatus.AWAKE, "", ())
    run_next(farm, worker)
    with pytest.raises(Conflict, match="not sick"):
        sickness.heal(farm, worker.id)


def test_one_that_sleeps_is_healed_where_it_is(patient: Farm) -> None:
    """Nothing is asked of it."""
    farm, worker = patient, new_worker(patient)
    fail_of_two_jobs(farm, worker)
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    assert sickness.heal(farm, worker.id).status_requested is None


def test_the_action(patient: Farm) -> None:
    """For one or many, and those that are well are refused."""
    farm, bad, good = patient, new_worker(patient, "bad"), new_worker(patient, "good")
    fail_of_two_jobs(farm, bad)
    outcome = carry_out(farm, ITSELF, Workers(), Asked(action=WorkerAction.HEAL, ids=[bad.id, good.id]))
    assert (outcome.done, outcome.refused[0].reason) == (1, "It is not sick.")
    assert not present(farm, bad).sick


def test_switched_off(make_farm: Callable[..., Farm]) -> None:
    """Nobody ever is, by failures alone."""
    farm = make_farm(blocklist_threshold=1000, failures=FailuresConfig(job_fail_percent=100, sick_after_failures=0))
    worker = new_worker(farm)
    fail_of_two_jobs(farm, worker)
    assert present(farm, worker).status is WorkerStatus.AWAKE


def test_what_it_runs_goes_back(patient: Farm) -> None:
    """A worker that has another task yet, as one whose answer was lost, gives it to others."""
    farm, worker = patient, new_worker(patient)
    job = job_of(farm)
    task = take(farm, worker).task
    sickness.fall_sick(farm, worker.id, "it smokes")
    assert job_now(farm, job).counts.active == 0
    assert "is sick" in farm.logs.tail(job.id, task.id)
    sickness.fall_sick(farm, worker.id, "it burns")
    assert present(farm, worker).sick == "it smokes"


def test_a_deleted_worker(patient: Farm) -> None:
    """Is nobody's concern any more."""
    farm, worker = patient, new_worker(patient)
    workers.delete(farm, worker.id)
    sickness.fall_sick(farm, worker.id, "it smokes")
