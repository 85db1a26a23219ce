"""Playing a farm by hand: storing jobs without a script, and workers that do what the test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flamenco.domain.access import Owner
from flamenco.domain.model import Assignment, AuthoredJob, Job, JobState, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.jobs import CLAIM
from flamenco.farm.scheduling import claim, placing
from flamenco.farm.tasks import TaskChange
from flamenco.store import jobs as job_store
from flamenco.store import recount
from flamenco.store.engine import Store

TASK_TYPES = ("blender", "ffmpeg", "file-management", "misc")


SECRET = "a secret of enough letters"
"""That of every worker of these tests."""


@contextmanager
def giving_up_soon(farm: Farm) -> Iterator[str]:
    """Meanwhile its database says after a moment, not after seconds, that somebody else writes; gives the file."""
    patient, farm.store = farm.store, Store(farm.store.url.render_as_string(hide_password=False), busy_timeout_s=0.02)
    try:
        yield str(patient.file)
    finally:
        farm.store.close()
        farm.store = patient


def store_job(farm: Farm, job: AuthoredJob, status: JobStatus = JobStatus.QUEUED) -> Job:
    """Store a job as a submission would, but without compiling anything."""
    placement = placing.placement(farm, job_store.candidate(job), {task.type for task in job.tasks}, farm.clock())
    with farm.store.write() as tx:
        owner = Owner(job.metadata.get(CLAIM, ""))
        return job_store.insert_job(tx, job, status, placement, owner=owner)


def new_worker(
    farm: Farm, name: str = "worker", task_types: tuple[str, ...] = TASK_TYPES, platform: str = "linux"
) -> Worker:
    """A worker that registered, signed on and is awake."""
    worker = workers.register(
        farm,
        name=name,
        platform=platform,
        secret=SECRET,
        task_types=task_types,
        address="127.0.0.1",
    )
    workers.sign_on(
        farm, worker, name=name, software="test", task_types=task_types, can_restart=False, address="127.0.0.1"
    )
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    return worker


def present(farm: Farm, worker: Worker) -> Worker:
    """The worker as it is now, as a request of its own would find it."""
    return workers.details(farm, worker.id).worker


def take(farm: Farm, worker: Worker) -> Assignment:
    """The task that the worker is given; there must be one."""
    assigned = claim.assign_next(farm, worker)
    assert isinstance(assigned, Assignment), assigned
    return assigned


def report(farm: Farm, worker: Worker, assigned: Assignment, status: TaskStatus, **change: object) -> None:
    """The worker says how its task went."""
    tasks.update(farm, worker, assigned.task.id, TaskChange(status=status, **change))  # type: ignore[arg-type]


def run_next(farm: Farm, worker: Worker, status: TaskStatus = TaskStatus.COMPLETED) -> str:
    """The worker takes a task and it ends in `status`. Returns the task's name."""
    assigned = take(farm, worker)
    report(farm, worker, assigned, status)
    return assigned.task.name


def statuses(farm: Farm, job: Job) -> list[str]:
    """The status of the job, then of its tasks in order."""
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
    now = job_now(farm, job)
    return [str(now.status), *(str(task.status) for task in tasks.of_job(farm, job.id))]


def job_now(farm: Farm, job: JobState) -> JobState:
    """The job as it is now, even if it is being deleted."""
    with farm.store.read() as tx:
        return job_store.fetch(tx, job.id, doomed=True)
