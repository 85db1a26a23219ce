"""Jobs, why they wait, what is wrong with job types, and commands, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.domain.scheduling.explanation import Why
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.hooks.command_docs import CommandDocs
from flamenco.protocol import v1
from flamenco.protocol.fields import Metadata, Name, Settings, Text, Uuid
from flamenco.protocol.v3.jobs import AvailableJobType
from flamenco.protocol.x.failures import FailPercent, Tries
from flamenco.protocol.x.job_waits import DependsOnAll
from flamenco.protocol.x.job_workers import WorkersAllowed, WorkersDenied
from flamenco.protocol.x.previews import Order, Preview
from flamenco.protocol.x.start_times import StartAfter
from flamenco.protocol.x.time_limits import HeldTimeLimits, TimeLimitsByType


class SubmittedJob(v1.SubmittedJob, frozen=True, kw_only=True):
    """A job to be done."""

    priority: Annotated[int, Meta(ge=0, le=100, description="Jobs with a higher priority are worked on first.")] = 50
    worker_tag: Annotated[Text, Meta(description="UUID of the tag that its workers must have; empty for none.")] = ""
    initial_status: Literal["queued", "paused"] = "queued"
    depends_on: DependsOnAll = field(default_factory=list)
    time_limits: TimeLimitsByType = field(default_factory=dict)
    fail_percent: FailPercent | None = None
    tries: Tries | None = None
    start_after: StartAfter = ""
    start_after_reason: Annotated[Text, Meta(description="Why it does not start sooner; people read it.")] = ""
    order: Order = ""
    preview: Preview | None = None
    workers_allowed: WorkersAllowed = field(default_factory=list)
    workers_denied: WorkersDenied = field(default_factory=list)


class StoredJob(Struct, frozen=True, kw_only=True):
    """A job as it was stored."""

    id: Uuid
    name: str
    type: str
    priority: int
    settings: Settings
    metadata: Metadata
    status: JobStatus
    created: datetime
    updated: datetime
    worker_tag: Annotated[str, Meta(description="UUID of the tag that its workers must have; empty for none.")]
    activity: Annotated[str, Meta(description="What it waits for, if it waits for other jobs.")]


class JobTypeProblem(Struct, frozen=True, kw_only=True):
    """A script that gives no job type. Line and column count from 1, and are absent where they are not known."""

    job_type: str
    file: str
    message: str
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET


class JobTypeProblems(Struct, frozen=True, kw_only=True):
    """All scripts that are broken or hidden by another of the same folder, by job type."""

    problems: list[JobTypeProblem]


class JobTypes(Struct, frozen=True, kw_only=True):
    """The job types by name, as the add-on is told of them too, and what is wrong with scripts that give none."""

    job_types: list[AvailableJobType]
    problems: list[JobTypeProblem]


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
    time_limits: Annotated[list[HeldTimeLimits], Meta(description="By the types of its tasks that have any.")] = []
    worker: Annotated[str | UnsetType, Meta(description="Name of the worker that was asked about.")] = UNSET


class Commands(Struct, frozen=True, kw_only=True):
    """All commands that the manager knows, by name."""

    commands: list[CommandDocs]


CommandName = Annotated[Name, Meta(min_length=1)]


class WorkerCommands(Struct, frozen=True, kw_only=True):
    """The commands that a worker has, in any order."""

    commands: Annotated[list[CommandName], Meta(max_length=10_000)]


class KnownCommands(Struct, frozen=True, kw_only=True):
    """The commands that the manager knows, by name."""

    commands: list[str]
