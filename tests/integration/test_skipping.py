"""Tasks that a person has skipped count as completed; jobs go on, and end as they should."""

from __future__ import annotations

import pytest

from flamenco.domain.actions import TASK_ACTIONS, TaskAction, check_fits, requested_by
from flamenco.domain.errors import Conflict
from flamenco.domain.model import Job
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import jobs, skipping, tasks, timeline
from flamenco.farm.context import Farm
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take


def skip(farm: Farm, job: Job, number: int, reason: str = "it is black anyway") -> None:
    """Anna skips a task."""
    task = tasks.of_job(farm, job.id)[number]
    rules = TASK_ACTIONS[TaskAction.SKIP]
    skipping.skip(farm, task.id, "anna", reason, lambda status: check_fits(rules, status))


@pytest.fixture
def job(farm: Farm) -> Job:
    """Ten frames, and a task that waits for all of them."""
    many = [authored_task(f"frame {number}") for number in range(10)]
    return store_job(farm, authored_job(*many, authored_task("video", after=tuple(many))))


def test_what_waits_for_it_goes_on(farm: Farm, job: Job) -> None:
    """As if it had been run; the task says who skipped it, and why."""
    worker = new_worker(farm)
    for _ in range(9):
        run_next(farm, worker)
    skip(farm, job, 9)
    assert run_next(farm, worker) == "video"
    assert statuses(farm, job) == ["completed"] * 12
    task = tasks.of_job(farm, job.id)[9]
    assert (task.activity, task.attempts) == ("skipped by anna: it is black anyway", 0)
    assert "skipped by anna" in farm.logs.tail(job.id, task.id)
    assert job_now(farm, job).completed_runs == 10


def test_the_last_one_completes_the_job(farm: Farm) -> None:
    """Without a reason, the name alone is said."""
    job = store_job(farm, authored_job(authored_task()))
    skip(farm, job, 0, requested_by("anna"))
    assert statuses(farm, job) == ["completed", "completed"]
    assert tasks.of_job(farm, job.id)[0].activity == "skipped by anna"


def test_a_failed_job_is_completed(farm: Farm, job: Job) -> None:
    """Where the task that made it fail was the last, or goes on with what that took down."""
    for task in tasks.of_job(farm, job.id)[:2]:
        tasks.set_status(farm, task.id, TaskStatus.FAILED, "broken")
    assert job_now(farm, job).status is JobStatus.FAILED
    skip(farm, job, 0)
    assert statuses(farm, job)[:4] == ["queued", "completed", "failed", "queued"]
    skip(farm, job, 1)
    worker = new_worker(farm)
    for _ in range(9):
        run_next(farm, worker)
    assert statuses(farm, job) == ["completed"] * 12
    other = store_job(farm, authored_job(authored_task()))
    tasks.set_status(farm, tasks.of_job(farm, other.id)[0].id, TaskStatus.FAILED, "broken")
    skip(farm, other, 0)
    assert statuses(farm, other) == ["completed", "completed"]


def test_one_that_is_run_is_taken_from_its_worker(farm: Farm, job: Job, clock: Clock) -> None:
    """Who is told not to go on; how long that took is not taken for what such a task takes."""
    worker = new_worker(farm)
    running = take(farm, worker)
    clock.forward(600)
    skip(farm, job, 0)
    assert not tasks.may_run(farm, worker, running.task.id).may_keep_running
    with pytest.raises(Conflict):
        report(farm, worker, running, TaskStatus.FAILED)
    assert statuses(farm, job)[:2] == ["active", "completed"]
    assert job_now(farm, job).mean_task_s is None
    (attempt,) = timeline.of_task(farm, running.task.id)
    assert (attempt.outcome, attempt.seconds) == ("requeued", 600)
    assert attempt.reason == "skipped by anna: it is black anyway"


def test_what_is_completed_is_not_skipped(farm: Farm, job: Job) -> None:
    """With a sentence."""
    run_next(farm, new_worker(farm))
    with pytest.raises(Conflict, match="It is completed; only what is active, canceled, failed"):
        skip(farm, job, 0)


def test_jobs_that_a_person_stopped_stay_so(farm: Farm, job: Job) -> None:
    """Paused ones too; all is counted."""
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "wait")
    skip(farm, job, 0)
    assert statuses(farm, job)[:3] == ["paused", "completed", "paused"]
    jobs.set_status(farm, job.id, JobStatus.QUEUED, "go on")
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "no")
    skip(farm, job, 1)
    assert statuses(farm, job)[:4] == ["canceled", "completed", "completed", "canceled"]
    for number in range(2, 11):
        skip(farm, job, number)
    assert statuses(farm, job) == ["completed"] * 12
