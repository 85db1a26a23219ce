"""Long lists of jobs, tasks and workers, fetched page by page, and finding things by a part of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from msgspec import Struct

from flamenco.client.attempts import Eta
from flamenco.client.connection import Connection, in_path
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.protocol.x.filters import ShownWorkerStatus
from flamenco.protocol.x.previews import KeptPreview

_MOST_OF_PAGE: Final = 500


class Note(Struct, frozen=True):
    """What somebody wants others to know; who wrote it last, and when."""

    text: str
    who: str
    at: datetime


class NamedByJob(Struct, frozen=True, kw_only=True):
    """A worker that a job names, or the tag of some."""

    id: str
    name: str
    is_tag: bool = False


class Named(Struct, frozen=True):
    """Something that has a name."""

    id: str
    name: str


class JobRow(Struct, frozen=True, kw_only=True):
    """A job in a list. `user`, `project` and `batch` are empty where nobody said; `tasks` counts its tasks by status.

    It begins no more tasks before `start_after`. `preview` says where that stands. Its `order` and what is `previewed`,
    which workers it is for, how many at once, and a note are there where it is asked for alone.

    Settings and metadata are there for those who ask for the `whole` job.
    """

    id: str
    name: str
    type: str
    status: JobStatus
    priority: int
    created: datetime
    updated: datetime
    activity: str = ""
    user: str = ""
    project: str = ""
    batch: str = ""
    tag: Named | None = None
    steps_completed: int = 0
    steps_total: int = 0
    tasks: dict[str, int] = {}
    start_after: datetime | None = None
    start_after_reason: str = ""
    preview: str = ""
    previewed: KeptPreview | None = None
    order: str = ""
    max_workers: int | None = None
    workers_allowed: tuple[NamedByJob, ...] = ()
    workers_denied: tuple[NamedByJob, ...] = ()
    note: Note | None = None
    image: str = ""
    eta: Eta | None = None
    settings: dict[str, Any] = {}
    metadata: dict[str, str] = {}


class TrashedJob(JobRow, frozen=True, kw_only=True):
    """A job in the trash: when it was deleted, and when it goes for good."""

    deleted: datetime
    goes: datetime


class TaskRow(Struct, frozen=True, kw_only=True):
    """A task in a list; `index` counts from 1, `failed_by` how many workers failed it."""

    id: str
    index: int
    name: str
    type: str
    status: TaskStatus
    priority: int
    updated: datetime
    activity: str = ""
    worker: Named | None = None
    steps_completed: int = 0
    steps_total: int = 0
    activated: datetime | None = None
    failed_by: int = 0


class RunningTask(Struct, frozen=True, kw_only=True):
    """The task that a worker is on."""

    id: str
    name: str
    job_id: str
    job_name: str = ""
    steps_completed: int = 0
    steps_total: int = 0


class RequestedStatus(Struct, frozen=True):
    """What a worker is asked to do, at once or when it is done with its task."""

    status: WorkerStatus
    is_lazy: bool


class WorkerRow(Struct, frozen=True, kw_only=True):
    """A worker in a list; a note is there where it is asked for alone."""

    id: str
    name: str
    status: ShownWorkerStatus
    address: str = ""
    platform: str = ""
    version: str = ""
    last_seen: datetime | None = None
    can_restart: bool = False
    approved: bool = True
    warning: str = ""
    put_away: datetime | None = None
    note: Note | None = None
    sick: str = ""
    sick_since: datetime | None = None
    tags: tuple[Named, ...] = ()
    task: RunningTask | None = None
    requested: RequestedStatus | None = None


class JobGroup(Struct, frozen=True, kw_only=True):
    """Jobs with something in common; `name` is empty for those that do not say what they are of.

    `counts` is how many of them are in each status.
    """

    total: int
    counts: dict[str, int]
    updated: datetime
    name: str = ""
    steps_completed: int = 0
    steps_total: int = 0


class FoundJob(Struct, frozen=True, kw_only=True):
    """A job that was found."""

    id: str
    name: str
    status: JobStatus
    user: str = ""
    project: str = ""


class FoundWorker(Struct, frozen=True, kw_only=True):
    """A worker that was found."""

    id: str
    name: str
    status: ShownWorkerStatus


class Findings(Struct, frozen=True, kw_only=True):
    """What was found, the best few of each kind."""

    jobs: tuple[FoundJob, ...] = ()
    workers: tuple[FoundWorker, ...] = ()
    tags: tuple[Named, ...] = ()
    users: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    batches: tuple[str, ...] = ()


class _Groups(Struct, frozen=True, kw_only=True):
    groups: tuple[JobGroup, ...]
    total: int


class _Jobs(Struct, frozen=True, kw_only=True):
    jobs: tuple[JobRow, ...]
    total: int
    next: str = ""


class _Trash(Struct, frozen=True, kw_only=True):
    jobs: tuple[TrashedJob, ...]
    total: int
    next: str = ""


class _Tasks(Struct, frozen=True, kw_only=True):
    tasks: tuple[TaskRow, ...]
    total: int
    next: str = ""


class _Workers(Struct, frozen=True, kw_only=True):
    workers: tuple[WorkerRow, ...]
    total: int
    next: str = ""


Row = TypeVar("Row")
_AnyPage = TypeVar("_AnyPage", _Jobs, _Trash, _Tasks, _Workers)
Query = Mapping[str, str | Iterable[str]]
"""What is asked for, by the names of the API: texts, or several for one that may be any of them."""


class Listed(Struct, Generic[Row], frozen=True):
    """The first entries of a list, and how many it has in all."""

    entries: tuple[Row, ...]
    total: int


class ListCalls:
    """Long lists. `most` is how many entries are wanted, None for all; they come in as many pages as that takes.

    Raises `ManagerError` with status 404 for a job that is not there, and with 400 for what cannot be asked.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def jobs(self, most: int | None, query: Query) -> Listed[JobRow]:
        """Jobs, the newest first where nothing else is asked for."""
        return self._all("/api/x/jobs", query, most, _Jobs, lambda page: page.jobs)

    def trash(self, most: int | None, query: Query) -> Listed[TrashedJob]:
        """Jobs in the trash, those first that were deleted last, where nothing else is asked for."""
        return self._all("/api/x/trash", query, most, _Trash, lambda page: page.jobs)

    def job(self, job_id: str) -> JobRow:
        """One job, with settings and metadata."""
        return self._connection.fetch(f"/api/x/jobs/{in_path(job_id)}", JobRow)

    def job_groups(self, by: str, query: Query) -> Listed[JobGroup]:
        """Jobs by `project`, `user`, `type` or `batch`; those groups first that were changed last, at most 500."""
        asked = {name: value for name, value in query.items() if value} | {"by": by}
        found = self._connection.fetch(f"/api/x/jobs/groups?{urlencode(asked, doseq=True)}", _Groups)
        return Listed(found.groups, found.total)

    def tasks(self, job_id: str, most: int | None, query: Query) -> Listed[TaskRow]:
        """Tasks of a job, in its order where nothing else is asked for."""
        return self._all(f"/api/x/jobs/{in_path(job_id)}/tasks", query, most, _Tasks, lambda page: page.tasks)

    def workers(self, most: int | None, query: Query) -> Listed[WorkerRow]:
        """Workers, by name where nothing else is asked for."""
        return self._all("/api/x/workers", query, most, _Workers, lambda page: page.workers)

    def worker(self, worker_id: str) -> WorkerRow:
        """One worker."""
        return self._connection.fetch(f"/api/x/workers/{in_path(worker_id)}", WorkerRow)

    def search(self, text: str, most: int = 5) -> Findings:
        """What there is with that in its name: the best few jobs, workers, tags, users, projects, batches."""
        return self._connection.fetch(f"/api/x/search?{urlencode({'q': text, 'limit': most})}", Findings)

    def _all(
        self,
        path: str,
        query: Query,
        most: int | None,
        kind: type[_AnyPage],
        rows_of: Callable[[_AnyPage], tuple[Row, ...]],
    ) -> Listed[Row]:
        asked = {name: value for name, value in query.items() if value}
        found: list[Row] = []
        while True:
            left = _MOST_OF_PAGE if most is None else min(_MOST_OF_PAGE, most - len(found))
            page = self._connection.fetch(f"{path}?{urlencode(asked | {'limit': str(left)}, doseq=True)}", kind)
            found += rows_of(page)
            if not page.next or len(found) == most:
                return Listed(tuple(found), page.total)
            asked["after"] = page.next
