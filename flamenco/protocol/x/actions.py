"""What is to be done with many jobs, tasks or workers, and what came of it, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.actions import JobAction, TaskAction, WorkerAction
from flamenco.protocol.fields import Name, Text, Uuid
from flamenco.protocol.x.failures import FailPercent, Tries
from flamenco.protocol.x.filters import JobFilter, TaskFilter, WorkerFilter
from flamenco.protocol.x.frames import Frames, FramesMode
from flamenco.protocol.x.job_workers import NoteText, Workers, WorkersAllowed, WorkersDenied
from flamenco.protocol.x.limits import MaxWorkers
from flamenco.protocol.x.previews import Order
from flamenco.protocol.x.start_times import StartAfter
from flamenco.protocol.x.time_limits import TimeLimits

MOST_IDS: Final = 1000

Id = Annotated[Uuid, Meta(max_length=36)]
Ids = Annotated[list[Id], Meta(max_length=MOST_IDS, description="UUIDs; these, or a filter.")]

Reason = Annotated[Text, Meta(description="What people read of it; who asked for it, when not given.")] | UnsetType
DryRun = Annotated[bool, Meta(description="Change nothing, and say with what it would be refused.")]
After = Annotated[int, Meta(ge=0, le=2**62, description="Go on there: the `next` of the answer before.")]


class JobArguments(TimeLimits, frozen=True, kw_only=True):
    """`priority` needs one, `tag` its `tag_id`, `frames` some; what changes the status may have a reason.

    `time-limits` changes those that are there, and takes back those that are empty; so does `retries` with null.
    `workers` takes the lists of those that are allowed and denied, `block` and `unblock` take `workers`, and a
    `task_type`, `note` its text.
    """

    reason: Reason = UNSET
    priority: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    frames: Frames | UnsetType = UNSET
    mode: FramesMode | UnsetType = UNSET
    tag_id: Annotated[Id, Meta(description="UUID of a tag; empty for none.")] | UnsetType = UNSET
    start_after: StartAfter | UnsetType = UNSET
    order: Order | UnsetType = UNSET
    fail_percent: FailPercent | UnsetType | None = UNSET
    tries: Tries | UnsetType | None = UNSET
    task_type: Annotated[Name, Meta(min_length=1, description="Of which tasks; * for all others.")] | UnsetType = UNSET
    max_workers: MaxWorkers | UnsetType = UNSET
    workers_allowed: WorkersAllowed | UnsetType = UNSET
    workers_denied: WorkersDenied | UnsetType = UNSET
    workers: Workers | UnsetType = UNSET
    note: NoteText | UnsetType = UNSET


class TaskArguments(Struct, frozen=True, kw_only=True):
    """All of them may have a reason."""

    reason: Reason = UNSET


class WorkerArguments(Struct, frozen=True, kw_only=True):
    """Requests may be `lazy` or not, `tags` adds and removes, `schedule` has all that a sleep schedule has.

    `note` has its text.
    """

    lazy: Annotated[bool, Meta(description="After its present task, or at once.")] | UnsetType = UNSET
    add: Annotated[list[Id], Meta(max_length=MOST_IDS, description="UUIDs of tags.")] | UnsetType = UNSET
    remove: Annotated[list[Id], Meta(max_length=MOST_IDS, description="UUIDs of tags.")] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    days_of_week: Annotated[Text, Meta(description="mo tu we th fr sa su; empty for every day.")] | UnsetType = UNSET
    start_time: Annotated[Text, Meta(description="HH:MM, local time of the manager.")] | UnsetType = UNSET
    end_time: Annotated[Text, Meta(description="HH:MM, local time of the manager.")] | UnsetType = UNSET
    note: NoteText | UnsetType = UNSET


class JobsAction(Struct, frozen=True, kw_only=True):
    """What is to be done with which jobs: with `ids`, or a `filter`."""

    action: JobAction
    ids: Ids | UnsetType = UNSET
    filter: JobFilter | UnsetType = UNSET
    arguments: JobArguments = JobArguments()
    dry_run: DryRun = False
    after: After = 0


class JobsTasksFilter(TaskFilter, frozen=True, kw_only=True):
    """Which tasks of a job; all of them, where nothing else is said."""

    job_id: Id


class TasksAction(Struct, frozen=True, kw_only=True):
    """What is to be done with which tasks: with `ids`, or a `filter`."""

    action: TaskAction
    ids: Ids | UnsetType = UNSET
    filter: JobsTasksFilter | UnsetType = UNSET
    arguments: TaskArguments = TaskArguments()
    dry_run: DryRun = False
    after: After = 0


class WorkersAction(Struct, frozen=True, kw_only=True):
    """What is to be done with which workers: with `ids`, or a `filter`."""

    action: WorkerAction
    ids: Ids | UnsetType = UNSET
    filter: WorkerFilter | UnsetType = UNSET
    arguments: WorkerArguments = WorkerArguments()
    dry_run: DryRun = False
    after: After = 0


class ActionRefusal(Struct, frozen=True, kw_only=True):
    """With what it was not done, and why. The name is empty where that is not known, or not yours to know."""

    id: str
    name: str
    reason: str


class ActionUndo(Struct, frozen=True, kw_only=True):
    """What takes it back: an action to ask for in turn."""

    ids: list[Uuid]
    action: str
    arguments: dict[str, Any]


class ActionOutcome(Struct, frozen=True, kw_only=True):
    """What came of it: so many were meant, with so many it was done, and the first hundred with which it was not."""

    matched: int
    done: int
    refused: list[ActionRefusal]
    refused_count: int
    left: Annotated[
        int | UnsetType, Meta(description="So many were not looked at yet; ask again, with `after` as `next` says.")
    ] = UNSET
    next: int | UnsetType = UNSET
    undo: Annotated[
        list[ActionUndo] | UnsetType, Meta(description="What takes it back; absent where nothing does.")
    ] = UNSET
