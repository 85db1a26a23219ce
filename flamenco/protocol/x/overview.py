"""The farm at a glance, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from flamenco.domain.statuses import JobStatus, WorkerStatus
from flamenco.protocol.fields import Uuid


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
    """A worker, and what it is doing. The status is empty for one that never signed on.

    `warning` is what people should know about it, such as that two programs speak as this worker.
    """

    id: Uuid
    name: str
    status: WorkerStatus
    last_seen: datetime | UnsetType = UNSET
    task: ActiveTask | UnsetType = UNSET
    warning: str | UnsetType = UNSET


class Overview(Struct, frozen=True, kw_only=True):
    """The newest jobs, newest first, and all workers."""

    jobs: list[JobSummary]
    workers: list[WorkerSummary]
