"""People steer jobs, workers come and go: what happens to the tasks, on both databases."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from flamenco.domain.errors import AccessDenied, Conflict, NotFound, Refused
from flamenco.domain.model import Assignment
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, moving, requeueing, speaking, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.farm.tasks import TaskChange
from flamenco.store import jobs as job_store
from flamenco.store import moves
from flamenco.store.scheduling import queues
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, job_now, new_worker, report, run_next, statuses, store_job, take


def test_canceling_takes_the_task_from_its_worker(farm: Farm) -> None:
    """A canceled job's active task may not go on, and what was completed stays so."""
    job = store_job(farm, authored_job(*(authored_task() for _ in range(3))))
    worker = new_worker(farm)
    run_next(farm, worker)
    assigned = take(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    assert statuses(farm, job) == ["canceled", "completed", "canceled", "canceled"]
    permission = tasks.may_run(farm, worker, assigned.task.id)
    assert not permission.may_keep_running
    assert "canceled" in permission.reason
    assert claim.assign_next(farm, worker) is None


def test_pausing_lets_the_active_task_end(farm: Farm) -> None:
    """A pausing job waits for what is running, then is paused; requeueing goes on with the rest."""
    job = store_job(farm, authored_job(*(authored_task() for _ in range(3))))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "test")
    assert statuses(farm, job) == ["pause-requested", "active", "paused", "paused"]
    assert tasks.may_run(farm, worker, assigned.task.id).may_keep_running
    report(farm, worker, assigned, TaskStatus.COMPLETED)
    assert statuses(farm, job) == ["paused", "completed", "paused", "paused"]
    assert claim.assign_next(farm, worker) is None
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test")
    assert statuses(farm, job) == ["queued", "completed", "queued", "queued"]
    run_next(farm, worker)


def test_requeueing_a_completed_job_runs_all_of_it_again(farm: Farm) -> None:
    """Everything is queued, and dependencies hold again."""
    first = authored_task("first")
    job = store_job(farm, authored_job(authored_task("second", after=(first,)), first))
    worker = new_worker(farm)
    for _ in range(2):
        run_next(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "again")
    assert statuses(farm, job) == ["queued", "queued", "queued"]
    assert job_now(farm, job).steps_completed == 0
    assert [run_next(farm, worker) for _ in range(2)] == ["first", "second"]


def test_a_job_under_construction_goes_on_with_a_task_that_is_queued(farm: Farm) -> None:
    """Somebody gave it that status, in which nothing is run, and wants the task to be run after all."""
    job, worker = store_job(farm, authored_job(authored_task("a"))), new_worker(farm)
    jobs.set_status(farm, job.id, JobStatus.UNDER_CONSTRUCTION, "not yet")
    assert claim.assign_next(farm, worker) is None
    tasks.set_status(farm, tasks.of_job(farm, job.id)[0].id, TaskStatus.QUEUED, "now")
    assert run_next(farm, worker) == "a"
    assert statuses(farm, job) == ["completed", "completed"]


@pytest.mark.parametrize("at_once", [moves.AT_ONCE, 1], ids=["at once", "in slices"])
@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ("job", ["canceled", "completed", "canceled", "completed", "completed"]),
        ("task", ["canceled", "completed", "completed", "canceled", "canceled"]),
        ("tasks", ["canceled", "completed", "completed", "canceled", "canceled"]),
    ],
)
def test_a_job_that_was_canceled_while_it_was_paused_ends_again(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, at_once: int, again: str, expected: list[str]
) -> None:
    """Whatever of it somebody queues: no task stays paused in a job that goes on, as nobody could resume it there."""
    monkeypatch.setattr(moves, "AT_ONCE", at_once)
    job, worker = store_job(farm, authored_job(*(authored_task(name) for name in "abcd"))), new_worker(farm)
    run_next(farm, worker)
    tasks.set_status(farm, tasks.of_job(farm, job.id)[1].id, TaskStatus.CANCELED, "not that")
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "wait")
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "no")
    moving.finish_all(farm)
    assert statuses(farm, job) == ["canceled", "completed", "canceled", "paused", "paused"]
    if again == "job":
        jobs.set_status(farm, job.id, JobStatus.QUEUED, "after all")
    elif again == "task":
        tasks.set_status(farm, tasks.of_job(farm, job.id)[1].id, TaskStatus.QUEUED, "after all")
    else:
        requeueing.requeue_tasks(farm, job.id, TaskStatus.CANCELED, "after all", lambda _status: None)
    moving.finish_all(farm)
    while isinstance(assigned := claim.assign_next(farm, worker), Assignment):
        report(farm, worker, assigned, TaskStatus.COMPLETED)
    moving.finish_all(farm)
    assert statuses(farm, job) == expected


def test_signing_off_returns_the_task(farm: Farm) -> None:
    """A worker that leaves does not take its task with it, and resumes what it did when it comes back."""
    job = store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    workers.sign_off(farm, worker)
    assert statuses(farm, job) == ["active", "queued"]
    assert "because worker signed off" in farm.logs.tail(job.id, assigned.task.id)
    gone = workers.list_all(farm)[0]
    assert (gone.status, gone.status_requested) == (WorkerStatus.OFFLINE, WorkerStatus.AWAKE)


def test_going_to_sleep_returns_the_task_to_a_pausing_job_as_paused(farm: Farm) -> None:
    """While its job is pausing, a returned task is paused and not queued; it was the last one, so the job is too."""
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    worker = new_worker(farm)
    take(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "test")
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    assert statuses(farm, job) == ["paused", "paused", "paused"]


def test_requests_are_cleared_when_they_are_met(farm: Farm) -> None:
    """A request stays until the worker took that status; asking for what it is already takes the request back."""
    worker = new_worker(farm)
    workers.request_status(farm, worker.id, WorkerStatus.ASLEEP, lazy=False)
    assert workers.requested_status(farm, worker) is WorkerStatus.ASLEEP
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    assert workers.requested_status(farm, worker) is WorkerStatus.ASLEEP
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    assert workers.requested_status(farm, worker) is None
    workers.request_status(farm, worker.id, WorkerStatus.AWAKE, lazy=False)
    workers.request_status(farm, worker.id, WorkerStatus.ASLEEP, lazy=False)
    assert workers.requested_status(farm, worker) is None


def test_a_lazy_request_lets_the_task_end(farm: Farm) -> None:
    """Lazy means after the present task; otherwise the task has to stop."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    workers.request_status(farm, worker.id, WorkerStatus.OFFLINE, lazy=True)
    assert tasks.may_run(farm, worker, assigned.task.id).may_keep_running
    workers.request_status(farm, worker.id, WorkerStatus.OFFLINE, lazy=False)
    permission = tasks.may_run(farm, worker, assigned.task.id)
    assert (permission.may_keep_running, permission.status_change_requested) == (False, True)


def test_restarting_is_asked_only_of_those_who_can(farm: Farm) -> None:
    """A worker that cannot restart is not told to."""
    with pytest.raises(Conflict, match="does not know how to restart"):
        workers.request_status(farm, new_worker(farm).id, WorkerStatus.RESTART, lazy=False)


def test_a_task_of_somebody_else_is_not_touched(farm: Farm) -> None:
    """Neither status nor log of a task are taken from a worker it is not assigned to."""
    job = store_job(farm, authored_job(authored_task()))
    owner, other = new_worker(farm, "owner"), new_worker(farm, "other")
    assigned = take(farm, owner)
    with pytest.raises(Conflict):
        tasks.update(farm, other, assigned.task.id, TaskChange(status=TaskStatus.COMPLETED, log="mine"))
    assert statuses(farm, job)[1] == "active"
    assert "mine" not in farm.logs.tail(job.id, assigned.task.id)


def test_progress_is_added_up(farm: Farm) -> None:
    """Steps count for the task and its job, never more than there are."""
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    assert (job.steps_completed, job.steps_total) == (0, 2)
    tasks.update(farm, worker, assigned.task.id, TaskChange(steps_completed=99, activity="busy"))
    task = tasks.of_job(farm, job.id)[0]
    assert (task.steps_completed, task.activity, job_now(farm, job).steps_completed) == (1, "busy", 1)
    assert statuses(farm, job)[1] == "active"


def test_only_the_manager_says_soft_failed(farm: Farm) -> None:
    """A worker that reports a soft failure is refused."""
    job = store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    with pytest.raises(Refused, match="taskStatus"):
        report(farm, worker, take(farm, worker), TaskStatus.SOFT_FAILED)
    assert statuses(farm, job)[1] == "active"


def test_a_worker_that_is_not_awake_gets_nothing(farm: Farm) -> None:
    """The worker has to say that it is awake before it is given work."""
    worker = new_worker(farm)
    workers.state_changed(farm, worker, WorkerStatus.ASLEEP)
    with pytest.raises(Conflict, match="asleep"):
        claim.assign_next(farm, worker)


def test_unknown_things_are_not_found(farm: Farm) -> None:
    """A UUID nobody has is answered as such."""
    nobody = "00000000-0000-4000-8000-000000000000"
    worker = new_worker(farm)
    with pytest.raises(NotFound):
        jobs.fetch(farm, nobody)
    with pytest.raises(NotFound):
        jobs.set_status(farm, nobody, JobStatus.PAUSED, "")
    with pytest.raises(NotFound):
        tasks.update(farm, worker, nobody, TaskChange(activity="x"))
    assert tasks.may_run(farm, worker, nobody).reason == "Task not found"


def test_only_id_and_secret_together_open_the_door(farm: Farm) -> None:
    """A wrong secret and an unknown worker are refused with the same words."""
    worker = new_worker(farm)
    assert speaking.authenticate(farm, worker.id, SECRET).id == worker.id
    with pytest.raises(AccessDenied) as wrong:
        speaking.authenticate(farm, worker.id, "guess")
    with pytest.raises(AccessDenied) as unknown:
        speaking.authenticate(farm, "nobody", SECRET)
    assert str(wrong.value) == str(unknown.value)


def test_a_job_stuck_between_two_statuses_is_sent_on_at_the_start(farm: Farm) -> None:
    """A job that a crash left canceling is canceled once the manager is back."""
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    with farm.store.write() as tx:
        canceling = replace(job, status=JobStatus.CANCEL_REQUESTED)
        job_store.save(tx, job, canceling)
        queues.offer(tx, canceling)
    assert jobs.finish_transitions(farm) == 1
    assert statuses(farm, job) == ["canceled", "canceled", "canceled"]
