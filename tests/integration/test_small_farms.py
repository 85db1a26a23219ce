"""One worker, a bad frame, an optional video: a job goes as far as it can, ends, and says what is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from flamenco.domain.model import Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import jobs, tasks
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.store import recount
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take

WHY = "Failed: blender-render: there is no camera"


def frames_and_video(farm: Farm, frames: int = 20, *, optional: bool = False) -> Job:
    """A job of so many frames, and a video of them."""
    renders = tuple(authored_task(f"render-{n}", "blender") for n in range(1, frames + 1))
    video = authored_task("preview-video", "ffmpeg", after=renders, optional=optional)
    return store_job(farm, authored_job(*renders, video))


def work(farm: Farm, worker: Worker, bad: str = "") -> list[str]:
    """The worker runs all that it is given; the task called `bad` fails. Returns the names."""
    done = []
    while claim.assign_next(farm, worker) is not None:
        assigned = take(farm, worker)
        if assigned.task.name == bad:
            report(farm, worker, assigned, TaskStatus.FAILED, activity=WHY)
        else:
            report(farm, worker, assigned, TaskStatus.COMPLETED)
        done.append(assigned.task.name)
    return done


def id_of(farm: Farm, job: Job, name: str) -> str:
    """The id of the job's task of that name."""
    return next(task.id for task in tasks.of_job(farm, job.id) if task.name == name)


def test_one_worker_and_one_bad_frame(farm: Farm) -> None:
    """All other frames are rendered; then the job fails, and says which frame failed, why, and what waits for it."""
    job, worker = frames_and_video(farm), new_worker(farm)
    assert len(work(farm, worker, "render-5")) == 20
    now = job_now(farm, job)
    assert (now.status, now.counts.completed, now.counts.failed) == (JobStatus.FAILED, 19, 1)
    assert now.activity == (
        'Changed to status "failed": 1 of 21 tasks failed: render-5: blender-render: there is no camera;'
        " preview-video waits for it"
    )
    assert statuses(farm, job)[5] == "failed"
    assert next(task.activity for task in tasks.of_job(farm, job.id) if task.name == "render-5") == WHY


def test_queuing_what_failed_takes_the_job_up_again(farm: Farm) -> None:
    """With the bad frame queued by a person, it and what waited for it are run, nothing else, and the job completes."""
    job, worker = frames_and_video(farm), new_worker(farm)
    work(farm, worker, "render-5")
    tasks.set_status(farm, id_of(farm, job, "render-5"), TaskStatus.QUEUED, "there is a camera now")
    assert job_now(farm, job).status is JobStatus.QUEUED
    assert work(farm, worker) == ["render-5", "preview-video"]
    assert job_now(farm, job).status is JobStatus.COMPLETED


def test_requeueing_a_job_that_could_not_go_on(farm: Farm) -> None:
    """Requeueing the job does the same."""
    job, worker = frames_and_video(farm), new_worker(farm)
    work(farm, worker, "render-5")
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "again")
    assert work(farm, worker) == ["render-5", "preview-video"]
    assert job_now(farm, job).status is JobStatus.COMPLETED


def test_a_task_whose_only_worker_is_blocked_is_queued_again(make_farm: Callable[..., Farm]) -> None:
    """Who queues a task wants it run, by the worker that is blocked if there is no other."""
    farm = make_farm(blocklist_threshold=1)
    job, worker = frames_and_video(farm, 30), new_worker(farm)
    work(farm, worker, "render-5")
    assert job_now(farm, job).status is JobStatus.FAILED
    tasks.set_status(farm, id_of(farm, job, "render-5"), TaskStatus.QUEUED, "mended")
    work(farm, worker)
    assert job_now(farm, job).status is JobStatus.COMPLETED


def test_a_task_of_a_canceled_job(farm: Farm) -> None:
    """A single task of a canceled job can be run; the others stay canceled, and so does the job."""
    job, worker = frames_and_video(farm, 3), new_worker(farm)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "enough")
    tasks.set_status(farm, id_of(farm, job, "render-2"), TaskStatus.QUEUED, "but this one")
    assert work(farm, worker) == ["render-2"]
    assert statuses(farm, job) == ["canceled", "canceled", "completed", "canceled", "canceled"]


def test_what_waits_for_a_canceled_task_does_not_wait_for_ever(farm: Farm) -> None:
    """A person takes a frame out; when the rest is rendered, the job ends with it."""
    job, worker = frames_and_video(farm, 3), new_worker(farm)
    tasks.set_status(farm, id_of(farm, job, "render-2"), TaskStatus.CANCELED, "not needed")
    work(farm, worker)
    now = job_now(farm, job)
    assert now.status is JobStatus.CANCELED
    assert now.activity.endswith("1 of 4 tasks canceled: render-2; preview-video waits for it")


def test_two_workers_failed_it(farm: Farm) -> None:
    """The second worker tries what the first failed; then it failed, and the other frames go on."""
    job = frames_and_video(farm)
    one, two = new_worker(farm, "one"), new_worker(farm, "two")
    run_next(farm, one, TaskStatus.FAILED)
    assert statuses(farm, job)[1] == "soft-failed"
    run_next(farm, two, TaskStatus.FAILED)
    assert statuses(farm, job)[:3] == ["active", "failed", "queued"]


def test_queued_resumes_a_paused_job(farm: Farm) -> None:
    """A paused job that is sent to queued goes on with the tasks that were paused."""
    job, worker = frames_and_video(farm, 3), new_worker(farm)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "lunch")
    assert statuses(farm, job) == ["paused"] * 5
    jobs.set_status(farm, job.id, JobStatus.QUEUED, "back")
    assert statuses(farm, job) == ["queued"] * 5
    work(farm, worker)
    assert job_now(farm, job).status is JobStatus.COMPLETED


@pytest.mark.parametrize("frames", [3, 20])
def test_an_optional_task_that_fails(farm: Farm, frames: int) -> None:
    """The job is completed without it, whatever part of its tasks that is, and says that it failed and why."""
    job, worker = frames_and_video(farm, frames, optional=True), new_worker(farm)
    work(farm, worker, "preview-video")
    now = job_now(farm, job)
    assert (now.status, now.counts.failed, now.counts.failed_optional) == (JobStatus.COMPLETED, 1, 1)
    assert "optional ones failed: preview-video: blender-render: there is no camera" in now.activity
    assert statuses(farm, job)[-1] == "failed"
    tasks.set_status(farm, id_of(farm, job, "preview-video"), TaskStatus.QUEUED, "there is a codec now")
    assert work(farm, worker) == ["preview-video"]
    now = job_now(farm, job)
    assert (now.status, now.counts.failed_optional) == (JobStatus.COMPLETED, 0)


def test_an_optional_task_that_fails_first(farm: Farm) -> None:
    """While the others are run, its job says so already; it is no part of the ten percent."""
    first, rest = authored_task("thumbnail", optional=True), [authored_task(f"t{n}") for n in range(2)]
    job, worker = store_job(farm, authored_job(first, *rest)), new_worker(farm)
    report(farm, worker, take(farm, worker), TaskStatus.FAILED, activity="Failed: no")
    now = job_now(farm, job)
    assert (now.status, now.activity) == (JobStatus.ACTIVE, "Optional task failed: thumbnail: no")
    work(farm, worker)
    assert job_now(farm, job).status is JobStatus.COMPLETED


def test_what_waits_for_an_optional_task_that_failed(farm: Farm) -> None:
    """Optional tasks that wait for it fail with it; a needed one fails the job, which says what waits."""
    first = authored_task("one", optional=True)
    job = store_job(farm, authored_job(first, authored_task("two", after=(first,), optional=True), authored_task("x")))
    worker = new_worker(farm)
    work(farm, worker, "one")
    assert statuses(farm, job) == ["completed", "failed", "failed", "completed"]
    first = authored_task("one", optional=True)
    job = store_job(farm, authored_job(first, authored_task("two", after=(first,)), authored_task("x")))
    work(farm, worker, "one")
    assert statuses(farm, job) == ["failed", "failed", "canceled", "completed"]
    missing = "1 of 3 tasks failed: one: blender-render: there is no camera; two waits for it"
    assert job_now(farm, job).activity.endswith(missing)


def test_counters_of_optional_tasks_are_repaired(farm: Farm) -> None:
    """What is counted of optional failures can be derived anew, like all else."""
    job, worker = frames_and_video(farm, 3, optional=True), new_worker(farm)
    work(farm, worker, "preview-video")
    with farm.store.write() as tx:
        tx.execute(text("UPDATE jobs SET tasks_failed_optional = 0"))
        assert recount.miscounted(tx) == ["jobs.tasks_failed_optional is wrong in 1 of its rows"]
        recount.repair(tx)
    assert job_now(farm, job).counts.failed_optional == 1
    statuses(farm, job)
