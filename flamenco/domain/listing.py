"""How long lists are asked for in parts: filter, order, page; complete without any of it. And what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from msgspec import Raw, Struct

from flamenco.domain.access import Caller
from flamenco.domain.model import JobState, Tag, TaskWorker, Worker
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus

# fmt: off
JobOrder = Literal[
    "created", "-created", "updated", "-updated", "name", "-name", "priority", "-priority",
    "status", "-status", "type", "-type",
]
TaskOrder = Literal[
    "index_in_job", "-index_in_job", "updated", "-updated", "name", "-name", "priority", "-priority",
    "status", "-status", "task_type", "-task_type",
]
# fmt: on


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list: `limit` entries (None: all) after the first `offset`."""

    offset: int = 0
    limit: int | None = None


NOBODY_CAN: Final = "Nobody can run tasks of type "
"""How what people read of a job begins while it has tasks that nobody can run."""


class JobFilter(Struct, frozen=True, kw_only=True):
    """Which jobs; what is empty leaves everything in.

    `tags` are UUIDs, `worker` is that of one who runs a task of theirs at the moment. `text` is in the name, the user,
    the project, the type or the batch, however it is written, or is how the UUID begins. `stuck` leaves in those that
    have tasks which nobody can run, `waiting_for_approval` those that go on once somebody has looked at their preview.
    With `of`, only what is theirs. With `in_trash`, only what somebody has deleted and may have back; all others
    otherwise.
    """

    statuses: tuple[JobStatus, ...] = ()
    types: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    batches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    worker: str = ""
    text: str = ""
    stuck: bool = False
    waiting_for_approval: bool = False
    of: Caller | None = None
    in_trash: bool = False


class JobQuery(JobFilter, frozen=True, kw_only=True):
    """Which jobs, in which order. A minus before a name turns its order round."""

    page: Page = Page()
    order_by: tuple[JobOrder, ...] = ()


class TaskFilter(Struct, frozen=True, kw_only=True):
    """Which tasks of a job; `worker` is the UUID of whoever has them, or had them last, `text` is in their name."""

    statuses: tuple[TaskStatus, ...] = ()
    types: tuple[str, ...] = ()
    worker: str = ""
    text: str = ""

    @property
    def is_of_statuses(self) -> bool:
        """Whether nothing but the status is asked for, of which a job has its tasks counted."""
        return not (self.types or self.worker or self.text)


class TaskQuery(TaskFilter, frozen=True, kw_only=True):
    """Which tasks of a job, in which order."""

    page: Page = Page()
    order_by: tuple[TaskOrder, ...] = ()


class WorkerFilter(Struct, frozen=True, kw_only=True):
    """Which workers; `tags` are UUIDs, `text` is in the name or the address, or is how the UUID begins.

    `approved` says whether a person has to have agreed to them, or not yet; None leaves both in. `put_away` asks for
    those that are out of the way, and takes None for both as well.
    """

    statuses: tuple[WorkerStatus, ...] = ()
    tags: tuple[str, ...] = ()
    text: str = ""
    approved: bool | None = None
    put_away: bool | None = False


class JobSummary(Struct, frozen=True):
    """What lists show of a job. Settings and metadata are JSON as it is stored: nobody looks inside on their way."""

    settings: Raw
    metadata: Raw
    id: str
    name: str
    type: str
    priority: int
    status: str
    activity: str
    created: datetime
    updated: datetime
    worker_tag: str
    shaman_checkout_id: str
    steps_completed: int
    steps_total: int


class JobGroup(Struct, frozen=True, kw_only=True):
    """Jobs that have something in common: how many in each status, how far they are, and when one was last changed.

    `name` is empty for those that do not say what they are of.
    """

    name: str
    jobs: dict[JobStatus, int]
    steps_completed: int
    steps_total: int
    updated: datetime


class ListedJob(Struct, frozen=True, kw_only=True):
    """A job as lists show it. `user` is whose it is or claims to be; it, project and batch are empty where nobody said.

    Settings and metadata are JSON as it is stored, and there only where somebody wants to see them of every job.
    """

    job: JobState
    user: str
    project: str
    batch: str
    tag_name: str
    start_after_reason: str = ""
    settings: Raw | None = None
    metadata: Raw | None = None


class ListedTask(Struct, frozen=True, kw_only=True):
    """A task as lists show it. `activated` is when it was last given to a worker, `failed_by` how many failed it."""

    id: str
    index: int
    name: str
    type: str
    status: TaskStatus
    priority: int
    updated: datetime
    activity: str
    steps_completed: int
    steps_total: int
    activated: datetime | None
    failed_by: int
    worker: TaskWorker | None


class RunningTask(Struct, frozen=True):
    """The task that a worker is on, as far as lists of workers show it."""

    id: str
    name: str
    job_id: str
    job_name: str
    steps_completed: int
    steps_total: int


class ListedWorker(Struct, frozen=True, kw_only=True):
    """A worker as lists show it; `created` is when it registered."""

    worker: Worker
    created: datetime
    tags: tuple[Tag, ...]
    task: RunningTask | None
    schedule: SleepSchedule | None


class WaitingJob(Struct, frozen=True):
    """A job, and how many tasks of it wait under a limit."""

    id: str
    name: str
    tasks: int


class LimitState(Struct, frozen=True, kw_only=True):
    """A limit of the farm: how many tasks run under it, how many could but wait, of how many jobs, and the first.

    `is_set`: by people, and not by a policy. One that is `per_machine` has a capacity on each of them, and `in_use` is
    what runs on the one where most does; who waits is not known of one that is on whatever runs on a machine.
    """

    name: str
    capacity: int
    in_use: int
    waiting: int
    waiting_jobs: int
    first: tuple[WaitingJob, ...]
    is_set: bool = False
    per_machine: bool = False
