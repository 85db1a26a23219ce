"""What workers say and hear on the wire of today's Flamenco. Field names and words are its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.domain.statuses import TaskStatus
from flamenco.protocol import worker
from flamenco.protocol.fields import Steps, Uuid
from flamenco.protocol.worker import STATUS_DESCRIPTION


class WorkerStatus(StrEnum):
    """What a worker does, or is asked to do."""

    STARTING = "starting"
    AWAKE = "awake"
    ASLEEP = "asleep"
    ERROR = "error"
    TESTING = "testing"
    OFFLINE = "offline"
    RESTART = "restart"


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


class WorkerSignOn(worker.WorkerSignOn, frozen=True):
    """What a worker says of itself when it starts."""

    can_restart: Annotated[bool | UnsetType, Meta(description="Whether it knows how to restart itself.")] = UNSET


class WorkerStateChange(Struct, frozen=True):
    """What the farm wants a worker to become."""

    status_requested: WorkerStatus


class WorkerStateChanged(Struct, frozen=True):
    """What a worker has become."""

    status: WorkerStatus


class Command(worker.Command, frozen=True):
    """One thing to do for a task. `total_step_count` 0: it does not report steps of its own."""

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


class TaskUpdate(worker.TaskUpdate, frozen=True):
    """What a worker reports of a task: any of these, or none just to say that it is still busy."""

    status: Annotated[
        TaskStatus | UnsetType,
        Meta(
            description=STATUS_DESCRIPTION,
            extra_json_schema={"not": {"enum": ["canceled", "queued", "soft-failed", "paused"]}},
        ),
    ] = field(default=UNSET, name="taskStatus")
    steps_completed: Steps | UnsetType = UNSET


class MayKeepRunning(Struct, frozen=True, rename="camel"):
    """Whether a worker may go on with a task, and why not."""

    may_keep_running: bool
    reason: str
    status_change_requested: Annotated[bool, Meta(description="Whether that is because it is to change its status.")]
