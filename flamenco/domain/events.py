"""What happened, in the words of today's protocol: a Struct per event, with its topic; and patterns of topics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain import job_files
from flamenco.domain.farm_status import FarmStatus
from flamenco.domain.model import JobState, Tag, TaskState, TaskWorker, Worker
from flamenco.domain.previews import Preview, PreviewState
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus

JOBS = "/jobs"
WORKERS = "/workers"
LAST_RENDERED = "/last-rendered"
WORKER_TAGS = "/workertags"
FARM_STATUS = "/status"
PREVIEWS = "/previews"
"""The topic of jobs with frames that are looked at first, when those are there, and when the job goes on."""
LIFE_CYCLE = "/lifecycle"
TASK_LOGS = "/tasklog/"
"""What the topics of task logs begin with. Those have to be asked for: there is far more of them than of all others."""

AUDIT = "/audit"
"""The topic of who changed what. That has to be asked for as well: it is not for everybody who sees the rest."""

_ASKED_FOR = (TASK_LOGS, AUDIT)

MOST_LOG_TEXT = 64 * 1024
"""So many characters of a log are published at once at most, the last ones; whoever wants all reads the file."""

AnyWorkerStatus = Annotated[str, Meta(extra_json_schema={"enum": list(WorkerStatus)})]
"""What a worker does, or is asked to do; empty for one that never signed on."""

_NO_TIME = datetime.min.replace(tzinfo=UTC)


class EventJobUpdate(Struct, frozen=True, kw_only=True):
    """A job is new, changed or gone. `refresh_tasks`: many of its tasks changed too; look again.

    Of a job that is gone all but `id` and `was_deleted` has the values that the protocol takes for nothing.
    """

    id: str
    type: str
    updated: datetime
    status: Annotated[str, Meta(extra_json_schema={"enum": ["", *JobStatus]})]
    priority: int
    refresh_tasks: bool
    steps_completed: int
    steps_total: int
    name: str | UnsetType = UNSET
    previous_status: JobStatus | UnsetType = UNSET
    delete_requested_at: datetime | UnsetType = UNSET
    was_deleted: bool | UnsetType = UNSET


class AssignedWorker(Struct, frozen=True):
    """The worker a task is with."""

    name: str
    uuid: str


class EventTaskUpdate(Struct, frozen=True, kw_only=True):
    """A task changed status or progressed."""

    id: str
    job_id: str
    name: str
    updated: datetime
    status: TaskStatus
    activity: str
    steps_completed: int
    steps_total: int
    previous_status: TaskStatus | UnsetType = UNSET
    worker: AssignedWorker | UnsetType = UNSET


class StatusChange(Struct, frozen=True):
    """A status that a worker is asked to take; lazily, so after its present task, or now."""

    status: AnyWorkerStatus
    is_lazy: bool


class EventWorkerUpdate(Struct, frozen=True, kw_only=True):
    """A worker is new or changed."""

    id: str
    name: str
    updated: datetime
    status: AnyWorkerStatus
    version: str
    can_restart: bool
    last_seen: datetime | UnsetType = UNSET
    previous_status: AnyWorkerStatus | UnsetType = UNSET
    status_change: StatusChange | UnsetType = UNSET
    deleted_at: datetime | UnsetType = UNSET


class EventTag(Struct, frozen=True, kw_only=True):
    """A worker tag; one that is gone has no name."""

    id: str
    name: str
    description: str | UnsetType = UNSET


class EventWorkerTagUpdate(Struct, frozen=True, kw_only=True):
    """A worker tag is new, changed or gone."""

    tag: EventTag
    was_deleted: bool | UnsetType = UNSET


class Thumbnails(Struct, frozen=True):
    """Where images of one picture are: each at `base`, a slash and a suffix, from the largest to the smallest."""

    base: str
    suffixes: tuple[str, ...]


class EventLastRenderedUpdate(Struct, frozen=True):
    """A job has a new last-rendered image, which a task of it rendered."""

    job_id: str
    task_id: str
    thumbnail: Thumbnails


class EventFarmStatus(Struct, frozen=True):
    """The farm as a whole is doing something else now."""

    status: FarmStatus


class LifeCycleEventType(StrEnum):
    """What happens to the manager itself."""

    STARTUP = "manager-startup"
    SHUTDOWN = "manager-shutdown"


class EventLifeCycle(Struct, frozen=True):
    """The manager has started, or is about to stop."""

    type: LifeCycleEventType


class EventTaskLogUpdate(Struct, frozen=True):
    """Something was added to a task's log."""

    task_id: str
    log: str


class EventJobPreview(Struct, frozen=True, kw_only=True):
    """The preview of a job is there (`waiting`, for somebody to approve it), or the job goes on (`over`).

    So many `tasks` it had, of which some `failed`. `continues`: the job goes on then, if nobody has said anything. Its
    last image is where `thumbnail` says, if it made any.
    """

    id: str
    name: str
    type: str
    updated: datetime
    state: PreviewState
    frames: str
    tasks: int
    failed: int
    activity: str
    thumbnail: Thumbnails
    continues: datetime | UnsetType = UNSET


class EventAudit(Struct, frozen=True, kw_only=True):
    """Somebody changed something: `who`, by which `way`, from which `address`, and what it was done to.

    `before` and `after` are the fields that changed, as JSON has them; secrets are not among them.
    """

    created: datetime
    who: str
    way: str
    address: str
    operation: str
    kind: str
    object_id: str
    object_name: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Event(Struct, frozen=True):
    """Something to publish: where, and what."""

    topic: str
    payload: Struct


def job_event(job: JobState, previous: JobStatus | None = None, *, refresh_tasks: bool = False) -> Event:
    """The event of `job` having changed, on the topic of all jobs."""
    update = EventJobUpdate(
        id=job.id,
        name=job.name,
        type=job.type,
        updated=job.updated,
        status=job.status,
        priority=job.priority,
        refresh_tasks=refresh_tasks,
        steps_completed=job.steps_completed,
        steps_total=job.steps_total,
        previous_status=UNSET if previous is None else previous,
        delete_requested_at=job.delete_requested or UNSET,
    )
    return Event(JOBS, update)


def task_event(task: TaskState, previous: TaskStatus | None = None, worker: Worker | TaskWorker | None = None) -> Event:
    """The event of `task` having changed, on the topic of its job."""
    update = EventTaskUpdate(
        id=task.id,
        job_id=task.job_id,
        name=task.name,
        updated=task.updated,
        status=task.status,
        activity=task.activity,
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
        previous_status=UNSET if previous is None else previous,
        worker=AssignedWorker(worker.name, worker.id) if worker else UNSET,
    )
    return Event(f"{JOBS}/{task.job_id}", update)


def worker_event(
    worker: Worker, now: datetime, previous: WorkerStatus | None = None, *, deleted: bool = False
) -> Event:
    """The event of `worker` having changed, or being deleted, on the topic of all workers."""
    change = StatusChange(worker.status_requested, worker.lazy_request) if worker.status_requested else UNSET
    update = EventWorkerUpdate(
        id=worker.id,
        name=worker.name,
        updated=now,
        status=worker.status,
        version=worker.software,
        can_restart=worker.can_restart,
        last_seen=worker.last_seen or UNSET,
        previous_status=previous or UNSET,
        status_change=change,
        deleted_at=now if deleted else UNSET,
    )
    return Event(WORKERS, update)


def tag_event(tag: Tag) -> Event:
    """The event of `tag` being new or changed."""
    return Event(WORKER_TAGS, EventWorkerTagUpdate(tag=EventTag(id=tag.id, name=tag.name, description=tag.description)))


def tag_removed_event(tag: Tag) -> Event:
    """The event of `tag` being gone."""
    return Event(WORKER_TAGS, EventWorkerTagUpdate(tag=EventTag(id=tag.id, name=""), was_deleted=True))


def preview_event(
    job: JobState, preview: Preview, *, tasks: int, failed: int, continues: datetime | None = None
) -> Event:
    """The event of the preview of `job` being there, or over."""
    update = EventJobPreview(
        id=job.id,
        name=job.name,
        type=job.type,
        updated=job.updated,
        state=PreviewState(job.preview),
        frames=preview.frames,
        tasks=tasks,
        failed=failed,
        activity=job.activity,
        thumbnail=thumbnails_of(job.id),
        continues=continues or UNSET,
    )
    return Event(PREVIEWS, update)


def thumbnails_of(job_id: str) -> Thumbnails:
    """Where the images are that the job rendered last, once it has rendered any."""
    return Thumbnails(job_files.url_of(job_id), job_files.LAST_RENDERED)


def last_rendered_events(job_id: str, task_id: str) -> list[Event]:
    """The events of the job having a new image, for those who look at the job and those who look at all."""
    update = EventLastRenderedUpdate(job_id, task_id, thumbnails_of(job_id))
    return [Event(f"{JOBS}/{job_id}{LAST_RENDERED}", update), Event(LAST_RENDERED, update)]


def job_deleted_event(job_id: str) -> Event:
    """The event of a job being gone, on the topic of all jobs."""
    gone = EventJobUpdate(
        id=job_id,
        type="",
        updated=_NO_TIME,
        status="",
        priority=0,
        refresh_tasks=False,
        steps_completed=0,
        steps_total=0,
        was_deleted=True,
    )
    return Event(JOBS, gone)


def farm_status_event(status: FarmStatus) -> Event:
    """The event of the farm doing something else now."""
    return Event(FARM_STATUS, EventFarmStatus(status))


def life_cycle_event(kind: LifeCycleEventType) -> Event:
    """The event of the manager starting or stopping."""
    return Event(LIFE_CYCLE, EventLifeCycle(kind))


def task_log_event(task_id: str, text: str) -> Event:
    """The event of `text` being added to a task's log."""
    return Event(f"{TASK_LOGS}{task_id}", EventTaskLogUpdate(task_id, text[-MOST_LOG_TEXT:]))


def audit_event(change: EventAudit) -> Event:
    """The event of somebody having changed something."""
    return Event(AUDIT, change)


PUBLISHED = (
    EventJobUpdate,
    EventTaskUpdate,
    EventTaskLogUpdate,
    EventLastRenderedUpdate,
    EventWorkerUpdate,
    EventWorkerTagUpdate,
    EventLifeCycle,
    EventFarmStatus,
)
"""Everything that today's protocol publishes."""


def matches(topic: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits: `/jobs` that topic alone, `/jobs/*` all below it, `*` nearly all.

    Elsewhere a `*` stands for anything but a slash. Task logs and the audit have to be asked for: `/tasklog/*`,
    `/audit`.
    """
    if topic.startswith(_ASKED_FOR):
        patterns = [pattern for pattern in patterns if pattern.startswith(_ASKED_FOR)]
    return any(pattern == "*" or _fits(topic.split("/"), pattern.split("/")) for pattern in patterns)


def _fits(parts: list[str], wanted: list[str]) -> bool:
    if wanted[-1] == "*":
        parts = parts[: len(wanted)]
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
