"""What goes over the wire of the original API. Field names and words are its contract's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.protocol.fields import Int32, Metadata, Settings, TaskTypes, Text, Uuid, WorkerName


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


class AvailableJobSettingType(StrEnum):
    """What kind of value a setting takes."""

    STRING = "string"
    INT32 = "int32"
    FLOAT = "float"
    BOOL = "bool"


class AvailableJobSettingSubtype(StrEnum):
    """What a text setting stands for."""

    FILE_PATH = "file_path"
    DIR_PATH = "dir_path"
    FILE_NAME = "file_name"
    HASHED_FILE_PATH = "hashed_file_path"


class FlamencoVersion(Struct, frozen=True):
    """Which Flamenco this is, and what its farm is called."""

    version: str
    name: str


class WorkerRegistration(Struct, frozen=True):
    """A program that wants to become a worker of this farm."""

    secret: Annotated[Text, Meta(description="The password this worker will use; random, and kept by nobody else.")]
    platform: Annotated[Text, Meta(description="linux, windows or darwin.")]
    supported_task_types: TaskTypes
    nickname: WorkerName


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


class WorkerSignOn(Struct, frozen=True):
    """What a worker says of itself when it starts."""

    nickname: WorkerName
    supported_task_types: TaskTypes
    software_version: Text


class WorkerStateChange(Struct, frozen=True):
    """What the farm wants a worker to become."""

    status_requested: WorkerStatus


class WorkerStateChanged(Struct, frozen=True):
    """What a worker has become."""

    status: WorkerStatus


class Command(Struct, frozen=True):
    """One thing to do for a task."""

    name: str
    parameters: dict[str, Any]


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


class TaskUpdate(Struct, frozen=True):
    """What a worker reports of a task: any of these, or none just to say that it is still busy."""

    VERBATIM: ClassVar = frozenset({"activity", "log"})
    """What programs print may have any character in it."""

    status: Annotated[
        TaskStatus | UnsetType,
        Meta(
            description="The new status: active, completed or failed. All others are for the manager to decide.",
            extra_json_schema={"not": {"enum": ["canceled", "queued", "soft-failed", "cancel-requested", "paused"]}},
        ),
    ] = field(default=UNSET, name="taskStatus")
    activity: Annotated[str | UnsetType, Meta(description="One line on what is happening now.")] = UNSET
    log: Annotated[str | UnsetType, Meta(description="Text to append to the task's log.")] = UNSET


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
