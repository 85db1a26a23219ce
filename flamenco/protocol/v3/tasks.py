"""Tasks on the wire of today's Flamenco, as people see and steer them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.listing import TaskOrder
from flamenco.domain.statuses import TaskStatus
from flamenco.protocol.fields import MOST_LISTED, ORDER, Limit, Offset, Text, Uuid
from flamenco.protocol.v3.worker import Command


class TaskWorker(Struct, frozen=True):
    """The worker of a task; all empty when nobody has it, and nothing but the id when that worker was deleted."""

    id: str
    name: str
    address: str


class TaskSummary(Struct, frozen=True, kw_only=True):
    """What lists show of a task."""

    id: Uuid
    name: str
    status: TaskStatus
    index_in_job: Annotated[int, Meta(description="Its place in the job, from 1.")]
    priority: int
    task_type: str
    updated: datetime
    worker: TaskWorker | UnsetType = UNSET
    steps_completed: int
    steps_total: int


class JobTasksSummary(Struct, frozen=True):
    """The tasks of a job."""

    tasks: list[TaskSummary]


class TasksQuery(Struct, frozen=True, kw_only=True):
    """Which tasks, and in which order; all of them, by index, when nothing is said."""

    offset: Offset = 0
    limit: Limit = UNSET
    order_by: Annotated[list[TaskOrder], Meta(max_length=MOST_LISTED, description=ORDER)] = []
    status_in: Annotated[
        list[TaskStatus], Meta(max_length=MOST_LISTED, description="Only tasks with one of these statuses.")
    ] = []


class Task(Struct, frozen=True, kw_only=True):
    """A task. Variables in its commands are not replaced yet."""

    id: Uuid
    created: datetime
    updated: datetime
    job_id: Uuid
    index_in_job: Annotated[int, Meta(description="Its place in the job, from 1.")]
    name: str
    status: TaskStatus
    priority: int
    task_type: str
    activity: str
    commands: list[Command]
    steps_completed: int
    steps_total: int
    worker: TaskWorker | UnsetType = UNSET
    last_touched: Annotated[datetime | UnsetType, Meta(description="When its worker was last heard of.")] = UNSET
    failed_by_workers: list[TaskWorker] | UnsetType = UNSET


class TaskStatusChange(Struct, frozen=True):
    """What a task is to become, and why."""

    status: TaskStatus
    reason: Text
