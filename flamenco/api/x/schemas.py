"""What goes over the wire of our own additions."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from flamenco.api.fields import Uuid
from flamenco.domain.statuses import JobStatus, WorkerStatus


class TasksByStatus(Struct, frozen=True, kw_only=True, rename="kebab"):
    """How many tasks of a job are in each status."""

    active: int
    canceled: int
    completed: int
    failed: int
    paused: int
    queued: int
    soft_failed: int


class JobSummary(Struct, frozen=True, kw_only=True):
    """A job, and how far it is."""

    id: Uuid
    name: str
    type: str
    status: JobStatus
    priority: int
    activity: str
    steps_completed: int
    steps_total: int
    tasks: TasksByStatus


class ActiveTask(Struct, frozen=True, kw_only=True):
    """The task a worker is running."""

    id: Uuid
    name: str
    job_id: Uuid


class WorkerSummary(Struct, frozen=True, kw_only=True):
    """A worker, and what it is doing. The status is empty for one that never signed on."""

    id: Uuid
    name: str
    status: WorkerStatus
    last_seen: datetime | UnsetType = UNSET
    task: ActiveTask | UnsetType = UNSET


class JobTypeProblem(Struct, frozen=True, kw_only=True):
    """A script that gives no job type. Line and column count from 1, and are absent where they are not known."""

    job_type: str
    file: str
    message: str
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET


class JobTypeProblems(Struct, frozen=True, kw_only=True):
    """All scripts that are broken or hidden by another of the same folder, by job type."""

    problems: list[JobTypeProblem]


class Overview(Struct, frozen=True, kw_only=True):
    """The newest jobs, newest first, and all workers."""

    jobs: list[JobSummary]
    workers: list[WorkerSummary]
