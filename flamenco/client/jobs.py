"""What a manager is asked about jobs, and told to do with them, in the words of today's protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from msgspec import UNSET, Struct, field

from flamenco.client.connection import Connection, in_path
from flamenco.client.tasks import TaskSummary
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.protocol.v3.jobs import JobDeletionInfo, JobPriorityChange, JobStatusChange, JobTagChange


class Job(Struct, frozen=True, kw_only=True):
    """A job. `worker_tag` is the id of the tag that its workers need; `delete_requested_at` says that it is to go."""

    id: str
    name: str
    type: str
    status: JobStatus
    priority: int
    created: datetime
    updated: datetime
    activity: str = ""
    steps_completed: int = 0
    steps_total: int = 0
    worker_tag: str = ""
    delete_requested_at: datetime | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


class Blocked(Struct, frozen=True, kw_only=True):
    """A worker that is given no more tasks of a type of a job."""

    worker_id: str
    task_type: str
    worker_name: str = ""


class _Jobs(Struct, frozen=True):
    jobs: tuple[Job, ...]


class _Tasks(Struct, frozen=True):
    tasks: tuple[TaskSummary, ...]


class JobCalls:
    """Jobs. Every call raises `ManagerError` with status 404 for a job that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Job, ...]:
        """Every job, in the order of their submission."""
        return self._connection.fetch("/api/v3/jobs", _Jobs).jobs

    def newest(self, limit: int, statuses: Iterable[JobStatus] = (), types: Iterable[str] = ()) -> tuple[Job, ...]:
        """The newest jobs, newest first; with `statuses` or `types`, those that are in one of them."""
        asked = [("order_by", "-created"), ("limit", str(limit))]
        asked += [("status_in", status) for status in sorted(statuses)] + [("type_in", name) for name in types]
        return self._connection.fetch(f"/api/v3/jobs?{urlencode(asked)}", _Jobs).jobs

    def get(self, job_id: str) -> Job:
        """One job."""
        return self._connection.fetch(_path(job_id), Job)

    def tasks(self, job_id: str) -> tuple[TaskSummary, ...]:
        """The tasks of a job, in its script's order; none for a job that is not there."""
        return self._connection.fetch(_path(job_id, "tasks"), _Tasks).tasks

    def blocklist(self, job_id: str) -> tuple[Blocked, ...]:
        """The workers that the job is kept from."""
        return self._connection.fetch(_path(job_id, "blocklist"), tuple[Blocked, ...])

    def set_status(self, job_id: str, status: JobStatus, reason: str) -> None:
        """Cancel, pause, requeue … a job; people read the reason."""
        self._connection.call("POST", _path(job_id, "setstatus"), JobStatusChange(status, reason))

    def set_priority(self, job_id: str, priority: int) -> None:
        """Let a job come sooner, or later: 0 to 100, higher comes first."""
        self._connection.call("POST", _path(job_id, "setpriority"), JobPriorityChange(priority))

    def set_tag(self, job_id: str, tag_id: str | None) -> None:
        """Keep a job to the workers that have a tag; None gives it to all."""
        self._connection.call("POST", _path(job_id, "settag"), JobTagChange(id=tag_id or UNSET))

    def deletion(self, job_id: str) -> JobDeletionInfo:
        """What would go if the job were deleted."""
        return self._connection.fetch(_path(job_id, "what-would-delete-do"), JobDeletionInfo)

    def delete(self, job_id: str) -> None:
        """Have a job deleted; the manager does that soon, not at once."""
        self._connection.call("DELETE", _path(job_id))


def count_by_status(tasks: Collection[TaskSummary]) -> dict[str, int]:
    """How many tasks are in each status; every status is there."""
    return {str(status): sum(task.status is status for task in tasks) for status in TaskStatus}


def _path(job_id: str, *rest: str) -> str:
    return "/".join(["/api/v3/jobs", in_path(job_id), *rest])
