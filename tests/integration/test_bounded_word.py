"""What a worker says counts while it has the task; later it only adds to the log. On both databases."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from flamenco.domain.errors import Conflict, Refused
from flamenco.domain.model import Assignment, Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import jobs, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, statuses, store_job, take
from tests.integration.test_api_worker import Caller


def running(farm: Farm) -> tuple[Job, Worker, Assignment]:
    """A job of twenty, the first task of which is with a worker; another worker stands by."""
    job = store_job(farm, authored_job(*(authored_task(f"t{n}") for n in range(20))))
    worker = new_worker(farm)
    new_worker(farm, "other")
    return job, worker, take(farm, worker)


def log_of(farm: Farm, assigned: Assignment) -> str:
    """All that the log of the task says."""
    return farm.logs.path(assigned.task.job_id, assigned.task.id).read_text()


def take_away(farm: Farm, job: Job, assigned: Assignment, how: str) -> None:
    """The task is not the worker's to run any more."""
    match how:
        case "task requeued":
            tasks.set_status(farm, assigned.task.id, TaskStatus.QUEUED, "wrong camera")
        case "task canceled":
            tasks.set_status(farm, assigned.task.id, TaskStatus.CANCELED, "not that one")
        case "job canceled":
            jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "enough")
        case "job paused":
            jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "later")
            workers.sign_off(farm, workers.list_all(farm)[0])
        case "worker gone":
            workers.sign_off(farm, workers.list_all(farm)[0])


@pytest.mark.parametrize("how", ["task requeued", "task canceled", "job canceled", "job paused", "worker gone"])
@pytest.mark.parametrize("says", ["active", "completed", "failed", None])
def test_a_late_report_changes_nothing_but_the_log(farm: Farm, how: str, says: str | None) -> None:
    """Whatever a worker reports on a task that was taken from it, task and job stay as they are, and it hears so."""
    job, worker, assigned = running(farm)
    take_away(farm, job, assigned, how)
    before = (statuses(farm, job), job_now(farm, job), tasks.details(farm, assigned.task.id))
    change = TaskChange(
        status=TaskStatus(says) if says else None, activity="late", steps_completed=1, log="the last line\n"
    )
    with pytest.raises(Conflict, match="not active any more"):
        tasks.update(farm, worker, assigned.task.id, change)
    assert (statuses(farm, job), job_now(farm, job), tasks.details(farm, assigned.task.id)) == before
    assert log_of(farm, assigned).count("the last line\n") == 1


@pytest.mark.parametrize("end", [TaskStatus.COMPLETED, TaskStatus.FAILED])
def test_an_end_that_is_told_twice_is_told_once(farm: Farm, end: TaskStatus) -> None:
    """A worker that did not get our answer says it again, and is told that all is well; it counts once."""
    job, worker, assigned = running(farm)
    report(farm, worker, assigned, end)
    before = (statuses(farm, job), job_now(farm, job))
    report(farm, worker, assigned, end, activity="again")
    assert (statuses(farm, job), job_now(farm, job)) == before


def test_who_completed_a_task_does_not_reopen_or_fail_it(farm: Farm) -> None:
    """After the end of a task its worker can neither begin it again, nor fail it, nor report steps of it."""
    job, worker, assigned = running(farm)
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    for change in (
        TaskChange(status=TaskStatus.ACTIVE),
        TaskChange(status=TaskStatus.FAILED, activity="no"),
        TaskChange(steps_completed=0),
        TaskChange(log="one more line\n"),
    ):
        with pytest.raises(Conflict):
            tasks.update(farm, worker, assigned.task.id, change)
    assert statuses(farm, job)[:2] == ["active", "completed"]
    assert "one more line" in log_of(farm, assigned)


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.CANCELED, TaskStatus.PAUSED, TaskStatus.SOFT_FAILED])
def test_what_is_not_a_workers_to_say(farm: Farm, status: TaskStatus) -> None:
    """A worker reports active, completed or failed; it neither queues tasks nor cancels them."""
    job, worker, assigned = running(farm)
    with pytest.raises(Refused, match="taskStatus"):
        report(farm, worker, assigned, status)
    assert statuses(farm, job)[:2] == ["active", "active"]


def test_a_soft_failure_does_not_resume_a_job_that_pauses(farm: Farm) -> None:
    """The last task of a pausing job fails; the job is paused then, and goes on when somebody says so."""
    job, worker, assigned = running(farm)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "lunch")
    report(farm, worker, assigned, TaskStatus.FAILED)
    assert statuses(farm, job)[:3] == ["paused", "soft-failed", "paused"]
    assert job_now(farm, job).activity == 'Changed to status "paused": lunch'


def test_only_its_own_images(farm: Farm) -> None:
    """A worker shows what its own task rendered, also after the task has ended; others are refused."""
    _, worker, assigned = running(farm)
    other = next(each for each in workers.list_all(farm) if each.key != worker.key)
    png = io.BytesIO()
    Image.new("RGB", (4, 4)).save(png, "PNG")
    with pytest.raises(Conflict):
        tasks.output_produced(farm, other, assigned.task.id, png.getvalue())
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    tasks.output_produced(farm, worker, assigned.task.id, png.getvalue())


@pytest.mark.parametrize("surface", ["/api", "/api/v3"])
def test_on_the_wire_it_is_409(farm: Farm, surface: str) -> None:
    """Both protocols answer what workers of both take for: this task is not yours any more."""
    job, worker, assigned = running(farm)
    caller, path = Caller(farm, worker, surface), f"/task/{assigned.task.id}"
    assert caller.post(path, {"taskStatus": "canceled"}).status_code == 400
    take_away(farm, job, assigned, "job canceled")
    assert caller.post(path, {"taskStatus": "completed", "log": "late\n"}).status_code == 409
    assert "late\n" in log_of(farm, assigned)
