"""What happened, in the words of today's protocol: one Struct per event, with the topic it is published on."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from flamenco.domain.model import Job, Task, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus

JOBS = "/jobs"
WORKERS = "/workers"


class JobUpdate(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """A job is new or changed. `refresh_tasks`: so did many of its tasks; look again."""

    id: str
    name: str
    type: str
    updated: datetime
    status: JobStatus
    priority: int
    refresh_tasks: bool
    steps_completed: int
    steps_total: int
    previous_status: JobStatus | UnsetType = UNSET
    delete_requested_at: datetime | UnsetType = UNSET


class AssignedWorker(Struct, frozen=True):
    """The worker a task is with."""

    name: str
    uuid: str


class TaskUpdate(Struct, frozen=True, kw_only=True):
    """A task changed status or progressed."""

    id: str
    job_id: str
    name: str
    updated: datetime
    status: TaskStatus
    activity: str
    steps_completed: int
    steps_total: int
    previous_status: TaskStatus | UnsetType = UNSET
    worker: AssignedWorker | UnsetType = UNSET


class StatusChange(Struct, frozen=True):
    """A status that a worker is asked to take; lazily, so after its present task, or now."""

    status: WorkerStatus
    is_lazy: bool


class WorkerUpdate(Struct, frozen=True, kw_only=True):
    """A worker is new or changed."""

    id: str
    name: str
    updated: datetime
    status: WorkerStatus
    version: str
    can_restart: bool
    last_seen: datetime | UnsetType = UNSET
    previous_status: WorkerStatus | UnsetType = UNSET
    status_change: StatusChange | UnsetType = UNSET


class Event(Struct, frozen=True):
    """Something to publish: where, and what."""

    topic: str
    payload: JobUpdate | TaskUpdate | WorkerUpdate


def job_event(job: Job, previous: JobStatus | None = None, *, refresh_tasks: bool = False) -> Event:
    """The event of `job` having changed, on the topic of all jobs."""
    update = JobUpdate(
        id=job.id,
        name=job.name,
        type=job.type,
        updated=job.updated,
        status=job.status,
        priority=job.priority,
        refresh_tasks=refresh_tasks,
        steps_completed=job.steps_completed,
        steps_total=job.steps_total,
        previous_status=UNSET if previous is None else previous,
        delete_requested_at=job.delete_requested or UNSET,
    )
    return Event(JOBS, update)


def task_event(task: Task, previous: TaskStatus | None = None, worker: Worker | None = None) -> Event:
    """The event of `task` having changed, on the topic of its job."""
    update = TaskUpdate(
        id=task.id,
        job_id=task.job_id,
        name=task.name,
        updated=task.updated,
        status=task.status,
        activity=task.activity,
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
        previous_status=UNSET if previous is None else previous,
        worker=AssignedWorker(worker.name, worker.id) if worker else UNSET,
    )
    return Event(f"{JOBS}/{task.job_id}", update)


def worker_event(worker: Worker, now: datetime, previous: WorkerStatus | None = None) -> Event:
    """The event of `worker` having changed, on the topic of all workers."""
    change = StatusChange(worker.status_requested, worker.lazy_request) if worker.status_requested else UNSET
    update = WorkerUpdate(
        id=worker.id,
        name=worker.name,
        updated=now,
        status=worker.status,
        version=worker.software,
        can_restart=worker.can_restart,
        last_seen=worker.last_seen or UNSET,
        previous_status=previous or UNSET,
        status_change=change,
    )
    return Event(WORKERS, update)
