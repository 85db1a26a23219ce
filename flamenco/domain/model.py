"""The farm's values: frozen, replaced rather than changed.

Every stored thing has two identities: `id`, the UUID the world sees, and `key`, the row number the
store joins by. Times are timezone-aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from flamenco.domain.access import Owner
from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.job_waits import Wanted
from flamenco.domain.job_workers import Written
from flamenco.domain.moves import PendingMove
from flamenco.domain.previews import Preview, Wave
from flamenco.domain.statuses import SCHEDULABLE_JOB, JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.time_limits import NO_LIMITS, JobTimeLimits, TimeLimits


class Command(Struct, frozen=True):
    """One command of a task: `name` says what, `parameters` how; 0 steps means "does not report steps"."""

    name: str
    parameters: dict[str, Any] | None
    total_step_count: int = 0


class AuthoredTask(Struct, frozen=True, kw_only=True):
    """A task as a job type's script wrote it. `dependencies` are the `id`s of tasks of the same job.

    Its job can do without one that is `optional`: it is completed all the same when that one fails. `frames` says which
    it is about, where its commands do not. Of those of a priority, that with the lowest `ord` comes first, then that
    which was added first; the manager sets it, and the `wave`, where a job asks for an order or a preview.
    """

    id: str
    name: str
    type: str
    priority: int = 50
    commands: tuple[Command, ...] = ()
    dependencies: tuple[str, ...] = ()
    optional: bool = False
    frames: str = ""
    ord: int = 0
    wave: Wave = Wave.NONE

    @property
    def unmet(self) -> int:
        """What it waits for at first: other tasks, and a person who approves, where it is held until then."""
        return len(self.dependencies) + (self.wave is Wave.HELD)

    @property
    def steps_total(self) -> int:
        """How many steps the task reports in all: every command counts for at least one."""
        return sum(max(1, command.total_step_count) for command in self.commands)


class AuthoredJob(Struct, frozen=True, kw_only=True):
    """A compiled job, checked and ready to be stored; `tasks` in the order they were added.

    `variables` are texts that stand in its commands by their names, as `{name}`, and are put in when a task is handed
    out: what thousands of tasks have in common is stored once.
    """

    id: str
    name: str
    type: str
    priority: int
    created: datetime
    settings: dict[str, Any]
    metadata: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    worker_tag: str = ""
    shaman_checkout_id: str = ""
    depends_on: tuple[Wanted, ...] = ()
    time_limits: JobTimeLimits = NO_LIMITS
    failure_rules: tuple[FailureRule, ...] = ()
    fail_percent: int | None = None
    tries: int | None = None
    start_after: datetime | None = None
    start_after_reason: str = ""
    frame_order: str = ""
    previewed: Preview | None = None
    workers: Written = Written()
    tasks: Sequence[AuthoredTask] = ()


class Submission(Struct, frozen=True, kw_only=True):
    """A job as a client asks for it, whatever API it came through."""

    name: str
    type: str
    priority: int = 50
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    type_etag: str = ""
    submitter_platform: str = ""
    worker_tag: str = ""
    shaman_checkout_id: str = ""
    initial_status: JobStatus = JobStatus.QUEUED
    depends_on: tuple[Wanted, ...] = ()
    time_limits: dict[str, TimeLimits] = field(default_factory=dict)
    fail_percent: int | None = None
    tries: int | None = None
    start_after: datetime | None = None
    start_after_reason: str = ""
    frame_order: str = ""
    previewed: Preview | None = None
    workers: Written = Written()


class TaskCounts(Struct, frozen=True):
    """How many tasks of a job are in each status; `failed_optional` of the failed ones the job can do without."""

    active: int = 0
    canceled: int = 0
    completed: int = 0
    failed: int = 0
    paused: int = 0
    queued: int = 0
    soft_failed: int = 0
    failed_optional: int = 0

    def of(self, *statuses: TaskStatus) -> int:
        """The number of tasks in any of `statuses`."""
        return sum(int(getattr(self, status.column)) for status in statuses)

    @property
    def total(self) -> int:
        """The number of tasks in all."""
        ended = self.canceled + self.completed + self.failed
        return self.active + self.paused + self.queued + self.soft_failed + ended

    @property
    def missed(self) -> int:
        """The number of failed tasks that the job cannot do without."""
        return self.failed - self.failed_optional

    @property
    def is_done(self) -> bool:
        """Whether all is completed that had to be, and nothing is left to run."""
        return self.completed + self.failed_optional == self.total

    def moved(self, statuses: Iterable[TaskStatus], to: TaskStatus) -> TaskCounts:
        """The counts after every task in one of `statuses` went to status `to`."""
        sources = [status for status in statuses if status is not to]
        emptied = dict.fromkeys((status.column for status in sources), 0)
        if TaskStatus.FAILED in sources:
            emptied["failed_optional"] = 0
        return replace(self, **emptied, **{to.column: self.of(to, *sources)})

    def moved_one(self, old: TaskStatus, new: TaskStatus, *, optional: bool = False) -> TaskCounts:
        """The counts after one task went from `old` to `new`."""
        if old is new:
            return self
        moved = {old.column: self.of(old) - 1, new.column: self.of(new) + 1}
        if optional and TaskStatus.FAILED in (old, new):
            moved["failed_optional"] = self.failed_optional + (1 if new is TaskStatus.FAILED else -1)
        return replace(self, **moved)


class JobState(Struct, frozen=True, kw_only=True):
    """A stored job, as far as it is worked on: all but what its submission said of it, which may be long.

    `max_running` is the most of its tasks that may run at once, where policies limit that. `fail_percent` and `tries`:
    how many of a hundred tasks have to fail until it does, and how many workers one of them, where that is said of it.
    With `start_after`, it waits for that moment; it is taken away by whoever asks for a task then. `waiting_for` counts
    what keeps it back until others are done, `waited_for` says how closely others follow it: see `store.job_waits`.
    `preview` is a `PreviewState`; `worker_rules` says whether it is for some workers alone: see `store.job_workers`.
    Times of its tasks are in seconds: those of the completed ones, and `used_seconds` by all that ended, whichever way.
    """

    key: int
    id: str
    name: str
    type: str
    priority: int
    status: JobStatus
    activity: str
    created: datetime
    updated: datetime
    worker_tag: str = ""
    shaman_checkout_id: str = ""
    delete_requested: datetime | None = None
    counts: TaskCounts = TaskCounts()
    steps_completed: int = 0
    steps_total: int = 0
    max_running: int | None = None
    has_variables: bool = False
    has_time_limits: bool = False
    fail_percent: int | None = None
    tries: int | None = None
    start_after: datetime | None = None
    last_assigned: datetime | None = None
    completed_runs: int = 0
    completed_seconds: float = 0.0
    used_seconds: float = 0.0
    moves: tuple[PendingMove, ...] = ()
    waiting_for: int = 0
    waited_for: int = 0
    preview: str = ""
    worker_rules: int = 0

    @property
    def counts_to_be(self) -> TaskCounts:
        """The counts once all pending moves are through."""
        counts = self.counts
        for move in self.moves:
            counts = counts.moved(move.sources, move.to)
        return counts

    @property
    def is_open(self) -> bool:
        """Whether its tasks may be given to workers: nothing of its own is against it, and no other job."""
        has_room = self.max_running is None or self.counts.active < self.max_running
        is_there = self.start_after is None and self.delete_requested is None
        return self.status in SCHEDULABLE_JOB and has_room and is_there and not self.waiting_for

    @property
    def mean_task_s(self) -> float | None:
        """How long its tasks took that were completed, in seconds; None before the first."""
        return self.completed_seconds / self.completed_runs if self.completed_runs else None


class Job(JobState, frozen=True, kw_only=True):
    """A stored job. `project` is what its metadata say that it is for, `batch` with which others it was submitted.

    `start_after_reason`: why it does not start sooner. `frame_order` is empty where its script has put its tasks.
    `max_workers`: how many of its tasks people want to run at once, instead of what its setting of that name says; 0
    for any number.
    """

    settings: dict[str, Any]
    metadata: dict[str, str]
    owner: Owner = Owner()
    project: str = ""
    batch: str = ""
    start_after_reason: str = ""
    frame_order: str = ""
    max_workers: int | None = None


class TaskState(Struct, frozen=True, kw_only=True):
    """A stored task, but for its commands. `worker_key` is whoever touched it last, also when it is queued again.

    `attempts`: how often it was given to a worker. What belongs to the last of them in its log begins at `log_begins`.
    """

    key: int
    id: str
    job_key: int
    job_id: str
    index: int
    name: str
    type: str
    priority: int
    status: TaskStatus
    activity: str
    created: datetime
    updated: datetime
    queue_key: int = 0
    worker_key: int | None = None
    last_touched: datetime | None = None
    activated: datetime | None = None
    steps_completed: int = 0
    steps_total: int = 0
    unmet: int = 0
    optional: bool = False
    attempts: int = 0
    log_begins: int = 0

    @property
    def is_active(self) -> bool:
        """Whether somebody is running the task."""
        return self.status is TaskStatus.ACTIVE

    def is_active_with(self, worker_key: int) -> bool:
        """Whether this worker is running the task."""
        return self.status is TaskStatus.ACTIVE and self.worker_key == worker_key


class Task(TaskState, frozen=True, kw_only=True):
    """A stored task."""

    commands: tuple[Command, ...]


class Speaker(Struct, frozen=True, kw_only=True):
    """A worker as far as it is known who speaks, which is a moment old."""

    key: int
    id: str
    name: str


class NumberedSpeaker(Speaker, frozen=True, kw_only=True):
    """One that says since which of the worker's sign-ons it speaks."""

    sign_on: int


class Worker(Speaker, frozen=True, kw_only=True):
    """A stored worker. `status_requested` is what the farm wants it to become, if anything.

    `commands` are those it has; None for one that does not say, and is trusted with every task of its types.
    `sign_ons` is how often it signed on, `signed_on` when last. `warning` is what people should know, from `warned` on.
    One that is not `approved` is given nothing, nor is one that is `sick`, which says why. `failing` are row numbers of
    jobs of which it failed tasks, one after the other. One that was `put_away` is in no list until it signs on again.
    """

    address: str
    platform: str
    software: str
    status: WorkerStatus
    task_types: tuple[str, ...]
    last_seen: datetime | None = None
    status_requested: WorkerStatus | None = None
    lazy_request: bool = False
    can_restart: bool = False
    commands: tuple[str, ...] | None = None
    sign_ons: int = 0
    signed_on: datetime | None = None
    warning: str = ""
    warned: datetime | None = None
    approved: bool = True
    put_away: datetime | None = None
    failing: tuple[int, ...] = ()
    sick: str = ""
    sick_since: datetime | None = None


class Tag(Struct, frozen=True, kw_only=True):
    """A worker tag: jobs that have it run on workers that have it."""

    key: int
    id: str
    name: str
    description: str = ""


class TaskWorker(Struct, frozen=True):
    """The worker of a task, as far as lists show it."""

    id: str
    name: str
    address: str


class TaskSummary(Struct, frozen=True, kw_only=True):
    """What lists show of a task. `worker` is None where nobody ever had it."""

    id: str
    name: str
    status: str
    index: int
    priority: int
    type: str
    updated: datetime
    steps_completed: int
    steps_total: int
    worker: TaskWorker | None = None


class Assignment(Struct, frozen=True, kw_only=True):
    """A task on its way to a worker, variables already replaced."""

    task: Task
    job_priority: int
    job_type: str


SettingType = Literal["string", "int32", "float", "bool"]
SettingSubtype = Literal["file_path", "dir_path", "file_name", "hashed_file_path"]
Visibility = Literal["visible", "hidden", "submission", "web"]


class EvalInfo(Struct, frozen=True, rename="camel"):
    """What a submitter's user interface says about a setting's `eval`."""

    show_link_button: bool = False
    description: str = ""


class JobTypeSetting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One setting of a job type as its script declares it; what the script left out is UNSET."""

    key: str
    type: SettingType
    subtype: SettingSubtype | UnsetType = UNSET
    choices: tuple[str, ...] | UnsetType = UNSET
    propargs: dict[str, Any] | UnsetType = UNSET
    description: Any = UNSET
    label: Any = UNSET
    default: Any = UNSET
    eval: str | UnsetType = UNSET
    eval_info: EvalInfo | UnsetType = field(default=UNSET, name="evalInfo")
    visible: Visibility | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    editable: bool | UnsetType = UNSET
    aliases: tuple[str, ...] = ()


class JobType(Struct, frozen=True, kw_only=True):
    """What a job type's script declares. `settings` is None where the script has no list at all.

    `time_limits` are by task type, or `*` for all others. `failure_rules`, `fail_percent` and `tries` say what follows
    when tasks of its jobs fail, where those say nothing else.
    """

    name: str
    label: str
    etag: str
    description: str | UnsetType = UNSET
    settings: tuple[JobTypeSetting, ...] | None = None
    time_limits: dict[str, TimeLimits] | UnsetType = UNSET
    failure_rules: tuple[FailureRule, ...] = ()
    fail_percent: int | None = None
    tries: int | None = None
