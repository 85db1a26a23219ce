"""Lists of jobs, tasks and workers, page by page, on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.protocol.fields import ORDER, After, Metadata, Settings, Uuid
from flamenco.protocol.x.attempts import Eta
from flamenco.protocol.x.filters import JobFilter, ShownWorkerStatus, TaskFilter, WorkerFilter
from flamenco.protocol.x.job_workers import NamedByJob, Note
from flamenco.protocol.x.overview import TasksByStatus
from flamenco.protocol.x.previews import KeptPreview, PreviewStateName
from flamenco.protocol.x.time_limits import TimeLimits

Limit = Annotated[int, Meta(ge=1, le=500, description="At most so many.")]
Next = Annotated[str, Meta(description="What to ask the next page `after`; missing at the end.")] | UnsetType
Total = Annotated[int, Meta(description="How many there are on all pages.")]
Counts = Annotated[
    dict[str, int], Meta(description="How many there are in each status, if none were asked for in particular.")
]

# fmt: off
JobSort = Literal[
    "created", "-created", "updated", "-updated", "name", "-name", "priority", "-priority", "status", "-status",
    "type", "-type", "user", "-user", "project", "-project", "batch", "-batch", "progress", "-progress",
]
TaskSort = Literal[
    "index", "-index", "name", "-name", "status", "-status", "updated", "-updated", "priority", "-priority",
    "worker", "-worker", "type", "-type", "progress", "-progress", "duration", "-duration",
]
WorkerSort = Literal[
    "name", "-name", "status", "-status", "last_seen", "-last_seen", "version", "-version", "platform", "-platform",
    "address", "-address", "created", "-created",
]
# fmt: on


class JobsQuery(JobFilter, frozen=True, kw_only=True):
    """Which jobs, in which order, and which page of them."""

    whole: Annotated[bool, Meta(description="With settings and metadata of each.")] = False
    eta: Annotated[bool, Meta(description="With when those that are being run will be done.")] = False
    of: Annotated[Literal["me"], Meta(description="Only those of whoever asks.")] | UnsetType = UNSET
    sort: Annotated[JobSort, Meta(description=ORDER)] = "-created"
    limit: Limit = 100
    after: After = UNSET


class TasksQuery(TaskFilter, frozen=True, kw_only=True):
    """Which tasks of a job, in which order, and which page of them."""

    sort: Annotated[TaskSort, Meta(description=ORDER)] = "index"
    limit: Limit = 100
    after: After = UNSET


class WorkersQuery(WorkerFilter, frozen=True, kw_only=True):
    """Which workers, in which order, and which page of them."""

    sort: Annotated[WorkerSort, Meta(description=ORDER)] = "name"
    limit: Limit = 100
    after: After = UNSET


class Named(Struct, frozen=True):
    """Something that has a name."""

    id: Uuid
    name: str


class JobRow(Struct, frozen=True, kw_only=True):
    """A job in a list. `user` is whose it is, or who it says that it is of. Settings are there on demand."""

    id: Uuid
    name: str
    type: str
    status: JobStatus
    priority: int
    activity: str
    user: str | UnsetType = UNSET
    project: str | UnsetType = UNSET
    batch: Annotated[str, Meta(description="What its metadata say that it was submitted with.")] | UnsetType = UNSET
    tag: Named | UnsetType = UNSET
    created: datetime
    updated: datetime
    steps_completed: int
    steps_total: int
    tasks: TasksByStatus
    start_after: Annotated[datetime, Meta(description="It begins no more tasks before.")] | UnsetType = UNSET
    start_after_reason: Annotated[str, Meta(description="Why it does not start sooner.")] | UnsetType = UNSET
    preview: Annotated[PreviewStateName, Meta(description="Where its preview stands.")] | UnsetType = UNSET
    image: Annotated[str, Meta(description="Where its last image is, small.")] | UnsetType = UNSET
    eta: Eta | UnsetType = UNSET
    settings: Settings | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class Jobs(Struct, frozen=True, kw_only=True):
    """A page of jobs."""

    jobs: list[JobRow]
    next: Next = UNSET
    total: Total
    counts: Counts


class JobGroupsQuery(JobFilter, frozen=True, kw_only=True):
    """Which jobs, and by what they are put together."""

    by: Annotated[
        Literal["project", "user", "type", "batch"], Meta(description="What those of a group have in common.")
    ]


class JobGroup(Struct, frozen=True, kw_only=True):
    """Jobs with something in common. `name` is absent for those that do not say what they are of."""

    name: str | UnsetType = UNSET
    total: Annotated[int, Meta(description="How many jobs.")]
    counts: Annotated[dict[str, int], Meta(description="How many of them are in each status.")]
    steps_completed: int
    steps_total: int
    updated: Annotated[datetime, Meta(description="When one of them was last changed.")]


class JobGroups(Struct, frozen=True, kw_only=True):
    """Groups of jobs, those that were last changed first."""

    groups: Annotated[list[JobGroup], Meta(description="At most 500.")]
    total: Annotated[int, Meta(description="How many there are.")]


class JobFiles(Struct, frozen=True):
    """The files that came with a job."""

    shaman_checkout_id: str
    goes_with_it: Annotated[bool, Meta(description="Whether they are deleted with it.")]


class Job(JobRow, frozen=True, kw_only=True):
    """A job, with all that was submitted."""

    settings: Settings
    metadata: Metadata
    owner_is_claim: Annotated[bool, Meta(description="Whether nobody but the submission says whose it is.")]
    files: JobFiles | UnsetType = UNSET
    max_workers: Annotated[
        int | UnsetType, Meta(description="So many workers people want on it at once; 0 for any number.")
    ] = UNSET
    workers_allowed: Annotated[list[NamedByJob], Meta(description="It is for these alone.")] | UnsetType = UNSET
    workers_denied: Annotated[list[NamedByJob], Meta(description="These get nothing of it.")] | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    fail_percent: Annotated[int | UnsetType, Meta(description="As is said of it, or by its job type.")] = UNSET
    tries: Annotated[int | UnsetType, Meta(description="As is said of it, or by its job type.")] = UNSET
    time_limits: Annotated[
        dict[str, TimeLimits] | UnsetType,
        Meta(description="What is said of the job itself; what holds is told by explain."),
    ] = UNSET
    order: Annotated[str, Meta(description="In which order its frames come.")] | UnsetType = UNSET
    previewed: KeptPreview | UnsetType = UNSET


class TaskRow(Struct, frozen=True, kw_only=True):
    """A task in a list. The name of a worker that was deleted is empty."""

    id: Uuid
    index: Annotated[int, Meta(description="Its place in the job, from 1.")]
    name: str
    type: str
    status: TaskStatus
    priority: int
    updated: datetime
    activity: str
    worker: Named | UnsetType = UNSET
    steps_completed: int
    steps_total: int
    activated: Annotated[datetime, Meta(description="When a worker was last given it.")] | UnsetType = UNSET
    failed_by: Annotated[int, Meta(description="How many workers failed it.")]


class Tasks(Struct, frozen=True, kw_only=True):
    """A page of the tasks of a job."""

    tasks: list[TaskRow]
    next: Next = UNSET
    total: Total
    counts: Counts


class TaskPath(Struct, frozen=True):
    """Which task of a job."""

    index: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class RunningTask(Struct, frozen=True, kw_only=True):
    """The task that a worker is on."""

    id: Uuid
    name: str
    job_id: Uuid
    job_name: str
    steps_completed: int
    steps_total: int


class RequestedStatus(Struct, frozen=True):
    """What a worker is asked to do, at once or when it is done with its task."""

    status: WorkerStatus
    is_lazy: bool


class Sleep(Struct, frozen=True, kw_only=True):
    """What the sleep schedule of a worker says now, and until when that holds for certain."""

    active: bool
    asleep_now: bool
    next: datetime | UnsetType = UNSET


class WorkerRow(Struct, frozen=True, kw_only=True):
    """A worker in a list."""

    id: Uuid
    name: str
    status: ShownWorkerStatus
    address: str
    platform: str
    version: str
    last_seen: datetime | UnsetType = UNSET
    created: datetime
    can_restart: bool
    approved: bool
    warning: str | UnsetType = UNSET
    put_away: Annotated[datetime, Meta(description="It is out of the way since then.")] | UnsetType = UNSET
    sick: Annotated[str | UnsetType, Meta(description="Why it is given nothing until somebody has healed it.")] = UNSET
    sick_since: datetime | UnsetType = UNSET
    tags: list[Named]
    task: RunningTask | UnsetType = UNSET
    requested: RequestedStatus | UnsetType = UNSET
    sleep: Sleep | UnsetType = UNSET


class Workers(Struct, frozen=True, kw_only=True):
    """A page of workers."""

    workers: list[WorkerRow]
    next: Next = UNSET
    total: Total
    counts: Counts


class Worker(WorkerRow, frozen=True, kw_only=True):
    """A worker, with what it can do."""

    task_types: list[str]
    commands: Annotated[list[str], Meta(description="Missing for one that does not say.")] | UnsetType = UNSET
    note: Note | UnsetType = UNSET
