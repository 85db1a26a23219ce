"""What jobs wait for, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.job_waits import MOST_DEPENDENCIES, Kind, State, When
from flamenco.domain.statuses import JobStatus
from flamenco.domain.wait_texts import Distance, Distances
from flamenco.protocol.fields import Name, Uuid

OtherJob = Annotated[Name, Meta(min_length=1, description="ID of the job that is waited for.")]
FrameOffset = Annotated[
    Distance | Distances,
    Meta(description="Frame n waits for frame n + offset of the other job; of two numbers, from the one to the other."),
]


class DependsOn(Struct, frozen=True, kw_only=True):
    """A job to wait for: all of it, or frame by frame; until it is completed, or has ended in whichever way."""

    job: OtherJob
    kind: Kind = Kind.ALL
    when: When = When.COMPLETED
    offset: FrameOffset = 0


DependsOnAll = Annotated[
    list[DependsOn], Meta(max_length=MOST_DEPENDENCIES, description="Jobs of which it waits for each.")
]


class Dependency(Struct, frozen=True, kw_only=True):
    """A job that is waited for, or was. Its status is absent once it is deleted."""

    job: Uuid
    name: str
    status: JobStatus | UnsetType = UNSET
    kind: Kind
    when: When
    offset: Annotated[list[int], Meta(description="From a frame to the first and to the last that it waits for.")]
    state: State
    keeps_job: Annotated[bool, Meta(description="Whether nothing of the job is handed out because of it.")]
    reason: Annotated[str, Meta(description="What is waited for, or why not any more.")]


class Dependent(Struct, frozen=True, kw_only=True):
    """A job that waits for this one, or has waited."""

    job: Uuid
    name: str
    status: JobStatus
    kind: Kind
    state: State


class Dependencies(Struct, frozen=True, kw_only=True):
    """What a job waits for, and what waits for it."""

    waits_for: list[Dependency]
    waited_for_by: Annotated[list[Dependent], Meta(description="The first hundred.")]
