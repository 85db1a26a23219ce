"""What goes over the wire of the original API. Field names and words are its contract's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.protocol import worker
from flamenco.protocol.fields import (
    AvailableJobSettingSubtype,
    AvailableJobSettingType,
    Int32,
    Metadata,
    Name,
    Settings,
    Text,
    Uuid,
)
from flamenco.protocol.worker import STATUS_DESCRIPTION, Command


class WorkerStatus(StrEnum):
    """What a worker does, or is asked to do."""

    STARTING = "starting"
    AWAKE = "awake"
    ASLEEP = "asleep"
    ERROR = "error"
    SHUTDOWN = "shutdown"
    TESTING = "testing"
    OFFLINE = "offline"


class JobStatus(StrEnum):
    """Where a job stands."""

    ACTIVE = "active"
    CANCELED = "canceled"
    COMPLETED = "completed"
    CONSTRUCTION_FAILED = "construction-failed"
    FAILED = "failed"
    PAUSED = "paused"
    QUEUED = "queued"
    ARCHIVED = "archived"
    ARCHIVING = "archiving"
    CANCEL_REQUESTED = "cancel-requested"
    FAIL_REQUESTED = "fail-requested"
    REQUEUED = "requeued"
    UNDER_CONSTRUCTION = "under-construction"
    WAITING_FOR_FILES = "waiting-for-files"


class TaskStatus(StrEnum):
    """Where a task stands."""

    ACTIVE = "active"
    CANCELED = "canceled"
    COMPLETED = "completed"
    FAILED = "failed"
    QUEUED = "queued"
    SOFT_FAILED = "soft-failed"
    CANCEL_REQUESTED = "cancel-requested"
    PAUSED = "paused"


class FlamencoVersion(Struct, frozen=True):
    """Which Flamenco this is, and what its farm is called."""

    version: str
    name: str


class WorkerRegistration(worker.WorkerRegistration, frozen=True):
    """A program that wants to become a worker of this farm."""

    name: Name = field(name="nickname")


class RegisteredWorker(Struct, frozen=True):
    """A worker as it was just registered."""

    uuid: Uuid
    nickname: str
    address: str
    status: WorkerStatus
    platform: str
    current_task: Annotated[str, Meta(description="UUID of the task the worker is active on, or empty.")]
    last_activity: Annotated[str, Meta(description="When the worker was last heard of, or empty.")]
    software: str
    supported_task_types: list[str]


class WorkerSignOn(worker.WorkerSignOn, frozen=True):
    """What a worker says of itself when it starts."""

    name: Name = field(name="nickname")


class WorkerStateChange(Struct, frozen=True):
    """What the farm wants a worker to become."""

    status_requested: WorkerStatus


class WorkerStateChanged(Struct, frozen=True):
    """What a worker has become."""

    status: WorkerStatus


class AssignedTask(Struct, frozen=True):
    """A task for the worker that gets it."""

    uuid: Uuid
    job: Annotated[str, Meta(description="UUID of the task's job.")]
    name: str
    status: TaskStatus
    priority: int
    job_priority: int
    job_type: str
    task_type: str
    commands: list[Command]


class TaskUpdate(worker.TaskUpdate, frozen=True):
    """What a worker reports of a task: any of these, or none just to say that it is still busy."""

    status: Annotated[
        TaskStatus | UnsetType,
        Meta(
            description=STATUS_DESCRIPTION,
            extra_json_schema={"not": {"enum": ["canceled", "queued", "soft-failed", "cancel-requested", "paused"]}},
        ),
    ] = field(default=UNSET, name="taskStatus")


class AvailableJobSetting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One setting of a job type."""

    key: str
    type: AvailableJobSettingType
    subtype: AvailableJobSettingSubtype | UnsetType = UNSET
    choices: Annotated[list[str] | UnsetType, Meta(description="The only values a text setting may have.")] = UNSET
    description: Any = UNSET
    default: Any = UNSET
    visible: Annotated[bool, Meta(description="Whether whoever submits a job is shown this setting.")] = True
    required: Annotated[bool, Meta(description="Whether a job without this setting is refused.")] = False
    editable: Annotated[bool, Meta(description="Whether it may be changed after submission.")] = False


class AvailableJobType(Struct, frozen=True):
    """A job type and its settings."""

    name: str
    label: str
    settings: list[AvailableJobSetting]


class AvailableJobTypes(Struct, frozen=True):
    """All job types, by name."""

    job_types: list[AvailableJobType]


Priority = Annotated[Int32, Meta(description="Jobs with a higher priority are worked on first.")]


class SubmittedJob(Struct, frozen=True, kw_only=True):
    """A job to be done. The priority may be left out; nothing may be null."""

    name: Text
    type: Annotated[Text, Meta(description="Name of the job type.")]
    priority: Priority = 50
    settings: Settings = field(default_factory=dict)
    metadata: Metadata = field(default_factory=dict)


class Job(Struct, frozen=True, kw_only=True):
    """A job that is being done, or has been."""

    name: str
    type: str
    priority: Priority
    settings: Settings
    metadata: Metadata
    id: Uuid
    created: datetime
    updated: datetime
    status: JobStatus
