"""What goes to a manager and comes back, beside what the modules of jobs, tasks, workers and events have.

What the protocol describes is not described again, but for what is more convenient, or more lenient, to those who ask:
nothing is UNSET, and what an older manager does not say yet has a default.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.domain.model import Command
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.protocol.x.job_waits import DependsOn
from flamenco.protocol.x.jobs import ExplainedHold, ExplainedJob, ExplainedTerm, FailedTask, WaitingTasks
from flamenco.protocol.x.overview import ActiveTask
from flamenco.protocol.x.previews import Preview


class Version(Struct, frozen=True):
    """Who answers: the manager's program version and the farm's name."""

    version: str
    name: str
    shortversion: str = ""
    git: str = ""


class WorkerRegistration(Struct, frozen=True):
    """A worker that the farm does not know yet. `platform` is linux, windows or darwin."""

    name: str
    platform: str
    secret: str
    supported_task_types: tuple[str, ...]


class WorkerSignOn(Struct, frozen=True):
    """A worker that comes to work."""

    name: str
    supported_task_types: tuple[str, ...]
    software_version: str
    can_restart: bool = False


class AssignedTask(Struct, frozen=True, kw_only=True):
    """A task to run; variables are replaced already. `job` is the job's UUID."""

    uuid: str
    job: str
    name: str
    status: TaskStatus
    job_type: str
    task_type: str
    commands: tuple[Command, ...]
    priority: int = 50
    job_priority: int = 50
    steps_completed: int = 0
    steps_total: int = 0


class JobRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job to submit: settings by the keys of its job type."""

    name: str
    type: str
    priority: Annotated[int, Meta(description="Higher comes first.")] | UnsetType = UNSET
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    worker_tag: Annotated[str, Meta(description="UUID of the tag that its workers must have.")] = ""
    initial_status: JobStatus = JobStatus.QUEUED
    depends_on: tuple[DependsOn, ...] = ()
    time_limits: Annotated[
        dict[str, dict[str, str]], Meta(description="By task type or *: max_run_time, min_run_time, max_silence.")
    ] = field(default_factory=dict)
    fail_percent: Annotated[int | None, Meta(description="It fails when so many percent of its tasks have.")] = None
    tries: Annotated[int | None, Meta(description="A task of it fails when so many workers have failed it.")] = None
    start_after: Annotated[str, Meta(description="When it starts at the earliest, such as +1h or tonight 18:00.")] = ""
    start_after_reason: Annotated[str, Meta(description="Why it does not start sooner.")] = ""
    order: Annotated[str, Meta(description="In which order its frames come, such as middle-out.")] = ""
    preview: Preview | None = None
    workers_allowed: Annotated[tuple[str, ...], Meta(description="It is for these alone: names, IDs or tag:NAME.")] = ()
    workers_denied: Annotated[
        tuple[str, ...], Meta(description="These get nothing of it: names, IDs or tag:NAME.")
    ] = ()


class HeldTimeLimits(Struct, frozen=True, kw_only=True):
    """What holds for tasks of a type, in a sentence."""

    task_type: str
    text: str


class SubmittedJob(Struct, frozen=True, kw_only=True):
    """A job as the original API tells of it; its status is one of that API's words."""

    id: str
    name: str
    type: str
    status: str
    created: str = ""
    updated: str = ""
    priority: int = 50
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


class JobTypeSetting(Struct, frozen=True, kw_only=True):
    """A setting of a job type, as far as one needs it to fill it in."""

    key: str
    type: str
    required: bool = False
    description: Any = ""
    default: Any = None


class JobType(Struct, frozen=True, kw_only=True):
    """A kind of job that can be submitted."""

    name: str
    label: str
    settings: tuple[JobTypeSetting, ...] = ()


class JobSummary(Struct, frozen=True, kw_only=True):
    """A job at a glance; `tasks` counts its tasks by status."""

    id: str
    name: str
    type: str
    status: JobStatus
    priority: int = 50
    activity: str = ""
    steps_completed: int = 0
    steps_total: int = 0
    tasks: dict[str, int] = field(default_factory=dict)


class WorkerSummary(Struct, frozen=True, kw_only=True):
    """A worker at a glance. `warning` is what people should know about it; empty for nothing."""

    id: str
    name: str
    status: WorkerStatus
    last_seen: str | None = None
    task: ActiveTask | None = None
    warning: str = ""


class Overview(Struct, frozen=True, kw_only=True):
    """The farm at a glance: the newest jobs, all workers."""

    jobs: tuple[JobSummary, ...] = ()
    workers: tuple[WorkerSummary, ...] = ()


class Explanation(Struct, frozen=True, kw_only=True):
    """A job's position, and why it is that. `position` counts from 1 among the open jobs, None for one that is not."""

    job: ExplainedJob
    open_jobs: int
    running: int
    terms: tuple[ExplainedTerm, ...] = ()
    holds: tuple[ExplainedHold, ...] = ()
    waiting: tuple[WaitingTasks, ...] = ()
    failed: tuple[FailedTask, ...] = ()
    position: int | None = None
    rank: float | None = None
    worker: str | None = None
    time_limits: tuple[HeldTimeLimits, ...] = ()


class SinkState(Struct, frozen=True, kw_only=True):
    """How an event sink is doing: events that wait, events given up, failures of the next one."""

    name: str
    waiting: int
    dead: int
    failures: int
    error: str = ""
    retry_at: str | None = None


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a sink could not deliver; with `retry`, it is going to be tried once more."""

    key: int
    sink: str
    event_id: int
    topic: str
    created: str
    died: str
    attempts: int
    error: str
    retry: bool = False
    payload: dict[str, Any] = field(default_factory=dict)
