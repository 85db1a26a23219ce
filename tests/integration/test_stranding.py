"""Tasks that nobody can run do not wait for ever: after failures they fail, else their job says so. Both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from flamenco.domain.listing import NOBODY_CAN, JobQuery
from flamenco.domain.model import Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, tags, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.services import timeouts, upkeep
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take


def job_of(farm: Farm, count: int = 30, task_type: str = "misc") -> Job:
    """A job of so many tasks."""
    return store_job(farm, authored_job(*(authored_task(f"t{n}", task_type) for n in range(count))))


def soft_failed_by(farm: Farm, worker: Worker) -> None:
    """The worker fails the first task, which others may try."""
    report(farm, worker, take(farm, worker), TaskStatus.FAILED, activity="Failed: no")


def leave(farm: Farm, worker: Worker, how: str) -> None:
    """The worker cannot run tasks of the job any more."""
    match how:
        case "deleted":
            workers.delete(farm, worker.id)
        case "untagged":
            tags.set_of_worker(farm, worker.id, [])
        case "without the command":
            workers.tell_commands(farm, worker, ["sleep"])
        case "without the type":
            workers.sign_on(
                farm, worker, name="w", software="", task_types=["blender"], can_restart=False, address="::1"
            )


@pytest.mark.parametrize("how", ["deleted", "untagged", "without the command", "without the type"])
def test_the_last_candidate_of_a_failed_task_leaves(farm: Farm, how: str) -> None:
    """A task that one worker failed and no other can run any more failed, with the sentence of that failure."""
    tag = tags.create(farm, "gpu")
    job = job_of(farm)
    tags.set_of_job(farm, job.id, tag.id, None)
    first, last = new_worker(farm, "first"), new_worker(farm, "last")
    for worker in (first, last):
        tags.set_of_worker(farm, worker.id, [tag.id])
    soft_failed_by(farm, first)
    assert statuses(farm, job)[1] == "soft-failed"
    leave(farm, last, how)
    if how.startswith("without"):
        upkeep.look_for_stranded(farm)
    assert statuses(farm, job)[:3] == ["active", "failed", "queued"]
    assert tasks.of_job(farm, job.id)[0].activity == "Failed: no"
    assert "Nobody can run this task any more" in farm.logs.tail(job.id, tasks.of_job(farm, job.id)[0].id)


def test_all_are_blocked_or_gone(farm: Farm) -> None:
    """One worker is blocked, the other is deleted: the job ends, and says what happened."""
    job = job_of(farm)
    bad, other = new_worker(farm, "bad"), new_worker(farm, "other")
    for _ in range(3):
        run_next(farm, bad, TaskStatus.FAILED)
    assert job_now(farm, job).status is JobStatus.ACTIVE
    workers.delete(farm, other.id)
    now = job_now(farm, job)
    assert now.status is JobStatus.FAILED
    assert 'no more workers left to run tasks of type "misc": worker bad is blocked' in now.activity


@pytest.mark.parametrize(
    ("task_types", "commands", "why"),
    [
        (None, None, "there are no workers"),
        (("blender",), None, "worker w does not run tasks of type 'misc'"),
        (("misc",), ["sleep"], "worker w does not have all of the commands echo"),
    ],
)
def test_a_job_for_which_there_is_nobody_says_so(
    farm: Farm, task_types: tuple[str, ...] | None, commands: list[str] | None, why: str
) -> None:
    """It waits, since somebody may come; when somebody does, it does not say so any more."""
    job = job_of(farm)
    if task_types:
        worker = new_worker(farm, "w", task_types=task_types)
        if commands:
            workers.tell_commands(farm, worker, commands)
    upkeep.look_for_stranded(farm)
    now = job_now(farm, job)
    assert (now.status, now.activity) == (JobStatus.QUEUED, f'Nobody can run tasks of type "misc": {why}')
    upkeep.look_for_stranded(farm)
    assert job_now(farm, job) == now
    new_worker(farm, "able")
    upkeep.look_for_stranded(farm)
    assert job_now(farm, job).activity == "There is a worker again that can run this"


def test_without_anybody_who_has_the_tag(farm: Farm) -> None:
    """A tag that no worker has keeps everybody away, which is said at once."""
    job, _ = job_of(farm), new_worker(farm, "w")
    tags.set_of_job(farm, job.id, tags.create(farm, "gpu").id, None)
    assert job_now(farm, job).activity == "Nobody can run tasks of type \"misc\": worker w does not have the tag 'gpu'"


def test_all_workers_are_away(farm: Farm, clock: Clock) -> None:
    """Workers that went home are waited for, and people read that; one that starts again is not away yet."""
    job, worker = job_of(farm), new_worker(farm, "w")
    workers.sign_off(farm, worker)
    upkeep.look_for_stranded(farm)
    assert job_now(farm, job).activity == ""
    clock.forward(stranding.AWAY_AFTER.total_seconds())
    upkeep.look_for_stranded(farm)
    assert job_now(farm, job).activity == 'Nobody can run tasks of type "misc": worker w is offline'
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    take(farm, worker)
    assert job_now(farm, job).activity == 'Changed to status "active": task became active'


def test_the_last_other_worker_went_home(farm: Farm, clock: Clock) -> None:
    """A task that can only be tried by a worker that is away waits for it, and its job says so."""
    job = job_of(farm, 1)
    first, last = new_worker(farm, "first"), new_worker(farm, "last")
    soft_failed_by(farm, first)
    workers.sign_off(farm, last)
    clock.forward(600)
    workers.requested_status(farm, first)
    timeouts.tick(farm)
    upkeep.look_for_stranded(farm)
    assert statuses(farm, job) == ["active", "soft-failed"]
    assert job_now(farm, job).activity == 'Nobody can run tasks of type "misc": worker last is offline'


def test_a_job_that_is_not_open_is_left_alone(farm: Farm) -> None:
    """Nobody is missed by a paused job."""
    job = job_of(farm)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "lunch")
    upkeep.look_for_stranded(farm)
    assert job_now(farm, job).activity == 'Changed to status "paused": lunch'


def test_optional_tasks_that_nobody_can_run(make_farm: Callable[..., Farm]) -> None:
    """An optional task that its only worker is blocked from fails, and the job is completed."""
    farm = make_farm(blocklist_threshold=1)
    job = store_job(farm, authored_job(authored_task("a", optional=True), authored_task("b", optional=True)))
    run_next(farm, new_worker(farm), TaskStatus.FAILED)
    assert statuses(farm, job) == ["completed", "failed", "failed"]


def test_looking_costs_little(farm: Farm) -> None:
    """What is asked for depends on how many kinds of work wait, not on how many jobs do."""
    new_worker(farm)
    counts = []
    for _ in range(2):
        for _ in range(10):
            job_of(farm, 3)
        with executed(farm.store) as statements:
            upkeep.look_for_stranded(farm)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 7


def test_many_jobs_look_at_the_workers_once(farm: Farm) -> None:
    """However many jobs there is nobody for, all of them are told, and the workers are read once."""
    for number in range(5):
        job_of(farm, 1, "of nobody")
        new_worker(farm, f"worker {number}")
    read: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "workers.secret_hash" not in statement and "FROM workers" in statement.replace("\n", " "):
            read.append(statement)

    event.listen(farm.store.engine, "before_cursor_execute", note)
    upkeep.look_for_stranded(farm)
    event.remove(farm.store.engine, "before_cursor_execute", note)
    stranded = jobs.matching(farm, JobQuery())
    assert all(job.activity.startswith(NOBODY_CAN) for job in stranded)
    assert len(jobs.matching(farm, JobQuery(stuck=True))) == len(stranded)
    assert len(read) == 1
