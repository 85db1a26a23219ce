"""Workers, their tags and when they sleep, on the wire of today's Flamenco, as people see and steer them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.statuses import TaskStatus
from flamenco.protocol.fields import Name, Text, Uuid
from flamenco.protocol.v3.tasks import TaskWorker
from flamenco.protocol.v3.worker import WorkerStatus


class WorkerStatusChangeRequest(Struct, frozen=True):
    """A status that a worker is to take; lazily, so after its present task, or at once."""

    status: WorkerStatus
    is_lazy: bool


class WorkerTag(Struct, frozen=True, kw_only=True):
    """A tag: jobs that have it run on workers that have it."""

    id: Annotated[Text | UnsetType, Meta(description="A UUID; a new tag gets one where it is empty.")] = UNSET
    name: Annotated[Name, Meta(min_length=1)]
    description: Text | UnsetType = UNSET


class WorkerTagList(Struct, frozen=True):
    """All tags."""

    tags: list[WorkerTag] | UnsetType = UNSET


class WorkerTagChangeRequest(Struct, frozen=True):
    """The tags that a worker is to have, and no others."""

    tag_ids: Annotated[list[Text], Meta(max_length=1000)]


class WorkerTask(Struct, frozen=True, kw_only=True):
    """The task that a worker is on, or was on last."""

    id: Uuid
    job_id: Uuid
    name: str
    status: TaskStatus
    index_in_job: Annotated[int, Meta(description="Its place in the job, from 1.")]
    priority: int
    task_type: str
    updated: datetime
    worker: TaskWorker | UnsetType = UNSET
    steps_completed: int
    steps_total: int


class ShownWorker(Struct, frozen=True, kw_only=True):
    """What is shown of every worker."""

    id: Uuid
    name: str
    status: WorkerStatus
    version: Annotated[str, Meta(description="Name and version of its program.")]
    can_restart: Annotated[bool, Meta(description="Whether it knows how to restart itself.")]


class WorkerSummary(ShownWorker, frozen=True, kw_only=True):
    """What lists show of a worker."""

    status_change: WorkerStatusChangeRequest | UnsetType = UNSET
    last_seen: datetime | UnsetType = UNSET


class WorkerList(Struct, frozen=True):
    """All workers that were not deleted."""

    workers: list[WorkerSummary]


class Worker(ShownWorker, frozen=True, kw_only=True):
    """A worker, with everything about it."""

    ip_address: str
    platform: str
    supported_task_types: list[str]
    status_change: WorkerStatusChangeRequest | UnsetType = UNSET
    last_seen: datetime | UnsetType = UNSET
    task: WorkerTask | UnsetType = UNSET
    tags: list[WorkerTag] | UnsetType = UNSET


class WorkerSleepSchedule(Struct, frozen=True):
    """When a worker sleeps: on these days, or every day when there are none, from the start to the end."""

    is_active: Annotated[bool, Meta(description="Whether the schedule is kept to; if not, the worker is to be awake.")]
    days_of_week: Annotated[
        Text, Meta(description="Days with a space between them: mo tu we th fr sa su. Empty for every day.")
    ]
    start_time: Annotated[Text, Meta(description="HH:MM, local time of the manager. Empty for the day's beginning.")]
    end_time: Annotated[Text, Meta(description="HH:MM, local time of the manager. Empty for the day's end.")]
