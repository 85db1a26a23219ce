"""What workers say and hear on the wire of today's Flamenco. Field names and words are its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.domain.statuses import TaskStatus
from flamenco.protocol.fields import Steps, TaskTypes, Text, Uuid, WorkerName


class WorkerStatus(StrEnum):
    """What a worker does, or is asked to do."""

    STARTING = "starting"
    AWAKE = "awake"
    ASLEEP = "asleep"
    ERROR = "error"
    TESTING = "testing"
    OFFLINE = "offline"
    RESTART = "restart"


class WorkerRegistration(Struct, frozen=True):
    """A program that wants to become a worker of this farm."""

    secret: Annotated[Text, Meta(description="The password this worker will use; random, and kept by nobody else.")]
    platform: Annotated[Text, Meta(description="linux, windows or darwin.")]
    supported_task_types: TaskTypes
    name: WorkerName


class RegisteredWorker(Struct, frozen=True):
    """A worker as it was just registered. It is offline until it signs on."""

    uuid: Uuid
    name: str
    address: str
    status: WorkerStatus
    platform: str
    software: str
    supported_task_types: list[str]
    current_task: Annotated[str, Meta(description="UUID of its task; empty, since it has none yet.")]


class WorkerSignOn(Struct, frozen=True):
    """What a worker says of itself when it starts."""

    name: WorkerName
    supported_task_types: TaskTypes
    software_version: Text
    can_restart: Annotated[bool | UnsetType, Meta(description="Whether it knows how to restart itself.")] = UNSET


class WorkerStateChange(Struct, frozen=True):
    """What the farm wants a worker to become."""

    status_requested: WorkerStatus


class WorkerStateChanged(Struct, frozen=True):
    """What a worker has become."""

    status: WorkerStatus


class Command(Struct, frozen=True):
    """One thing to do for a task. `total_step_count` 0: it does not report steps of its own."""

    name: str
    parameters: dict[str, Any]
    total_step_count: int


class AssignedTask(Struct, frozen=True):
    """A task for the worker that gets it."""

    uuid: Uuid
    job: Uuid
    name: str
    status: TaskStatus
    priority: int
    job_priority: int
    job_type: str
    task_type: str
    commands: list[Command]
    steps_completed: int
    steps_total: int


class TaskUpdate(Struct, frozen=True):
    """What a worker reports of a task: any of these, or none just to say that it is still busy."""

    VERBATIM: ClassVar = frozenset({"activity", "log"})
    """What programs print may have any character in it."""

    status: Annotated[
        TaskStatus | UnsetType,
        Meta(
            description="The new status: active, completed or failed. All others are for the manager to decide.",
            extra_json_schema={"not": {"enum": ["canceled", "queued", "soft-failed", "paused"]}},
        ),
    ] = field(default=UNSET, name="taskStatus")
    activity: Annotated[str | UnsetType, Meta(description="One line on what is happening now.")] = UNSET
    log: Annotated[str | UnsetType, Meta(description="Text to append to the task's log.")] = UNSET
    steps_completed: Steps | UnsetType = UNSET


class MayKeepRunning(Struct, frozen=True, rename="camel"):
    """Whether a worker may go on with a task, and why not."""

    may_keep_running: bool
    reason: str
    status_change_requested: Annotated[bool, Meta(description="Whether that is because it is to change its status.")]
