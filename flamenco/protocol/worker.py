"""What workers say in the original protocol and in today's alike; each adds what it says otherwise."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.domain.access import SHORTEST_SECRET
from flamenco.protocol.fields import Name, TaskTypes, Text


class WorkerRegistration(Struct, frozen=True):
    """A program that wants to become a worker of this farm."""

    secret: Annotated[
        Text,
        Meta(
            description="The password this worker will use; random, and kept by nobody else.",
            extra_json_schema={"minLength": SHORTEST_SECRET},
        ),
    ]
    platform: Annotated[Name, Meta(description="linux, windows or darwin.")]
    supported_task_types: TaskTypes
    name: Name


class WorkerSignOn(Struct, frozen=True):
    """What a worker says of itself when it starts."""

    name: Name
    supported_task_types: TaskTypes
    software_version: Name


class Command(Struct, frozen=True):
    """One thing to do for a task."""

    name: str
    parameters: dict[str, Any]


STATUS_DESCRIPTION = "The new status: active, completed or failed. All others are for the manager to decide."


class TaskUpdate(Struct, frozen=True):
    """What a worker reports of a task: any of these, or none just to say that it is still busy."""

    VERBATIM: ClassVar = frozenset({"activity", "log"})
    """What programs print may have any character in it."""

    status: str | UnsetType = field(default=UNSET, name="taskStatus")
    activity: Annotated[str | UnsetType, Meta(description="One line on what is happening now.")] = UNSET
    log: Annotated[str | UnsetType, Meta(description="Text to append to the task's log.")] = UNSET
