"""What goes over the wire when somebody asks why a job is not running."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.scheduling.explanation import Why
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.protocol.fields import Uuid


class ExplainedJob(Struct, frozen=True, kw_only=True):
    """The job that is explained."""

    id: Uuid
    name: str
    status: JobStatus
    priority: int
    activity: str


class ExplainedTerm(Struct, frozen=True, kw_only=True):
    """What a policy says for the job; the rank is the sum of all scores, each times its weight."""

    policy: str
    score: float
    weight: float
    reason: str


class ExplainedHold(Struct, frozen=True, kw_only=True):
    """A policy that keeps the job back."""

    policy: str
    reason: str


class WaitingTasks(Struct, frozen=True, kw_only=True):
    """Tasks that wait for the same reason; the first few by name."""

    why: Why
    reason: str
    count: int
    tasks: list[str]


class FailedTask(Struct, frozen=True, kw_only=True):
    """A task that failed, or failed softly, and why."""

    index_in_job: int
    name: str
    status: TaskStatus
    why: Annotated[str, Meta(description="What its worker said, or the manager, where that gave it up.")]


class Explanation(Struct, frozen=True, kw_only=True):
    """Where a job stands, and why. Position and rank are absent for a job that nobody could be given tasks of."""

    job: ExplainedJob
    position: Annotated[int | UnsetType, Meta(description="From 1, among all open jobs.")] = UNSET
    open_jobs: int
    rank: float | UnsetType = UNSET
    terms: list[ExplainedTerm]
    holds: list[ExplainedHold]
    running: int
    waiting: list[WaitingTasks]
    failed: Annotated[list[FailedTask], Meta(description="The first hundred.")]
    worker: Annotated[str | UnsetType, Meta(description="Name of the worker that was asked about.")] = UNSET
