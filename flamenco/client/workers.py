"""What a manager is asked about workers and their tags, and told to do with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from flamenco.client.connection import Connection, in_path
from flamenco.client.tasks import TaskSummary
from flamenco.domain.statuses import WorkerStatus
from flamenco.protocol.v3.worker_management import WorkerTagChangeRequest


class StatusChange(Struct, frozen=True):
    """A status that a worker is asked to take; lazily, so after its present task, or now."""

    status: WorkerStatus
    is_lazy: bool


class Tag(Struct, frozen=True, kw_only=True):
    """A tag of workers, and of jobs that only they are given."""

    id: str
    name: str
    description: str = ""


class ListedWorker(Struct, frozen=True, kw_only=True):
    """A worker as lists have it."""

    id: str
    name: str
    status: WorkerStatus
    version: str = ""
    can_restart: bool = False
    status_change: StatusChange | None = None
    last_seen: datetime | None = None


class WorkerTask(TaskSummary, frozen=True, kw_only=True):
    """The task that a worker is on, or the last one that it had."""

    job_id: str


class Worker(ListedWorker, frozen=True, kw_only=True):
    """All about a worker."""

    ip_address: str = ""
    platform: str = ""
    supported_task_types: tuple[str, ...] = ()
    task: WorkerTask | None = None
    tags: tuple[Tag, ...] = ()


class _Workers(Struct, frozen=True):
    workers: tuple[ListedWorker, ...]


class _Tags(Struct, frozen=True):
    tags: tuple[Tag, ...] = ()


class WorkerCalls:
    """Workers. Every call raises `ManagerError` with status 404 for a worker that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[ListedWorker, ...]:
        """Every worker, in the order of their registration."""
        return self._connection.fetch("/api/v3/worker-mgt/workers", _Workers).workers

    def get(self, worker_id: str) -> Worker:
        """All about one worker."""
        return self._connection.fetch(_path(worker_id), Worker)

    def request_status(self, worker_id: str, status: WorkerStatus, *, lazily: bool = True) -> None:
        """Ask a worker to go to a status, after its present task or at once. Its present status takes that back."""
        self._connection.call("POST", _path(worker_id, "setstatus"), {"status": status, "is_lazy": lazily})

    def set_tags(self, worker_id: str, tag_ids: Sequence[str]) -> None:
        """Give a worker these tags and no others."""
        self._connection.call("POST", _path(worker_id, "settags"), WorkerTagChangeRequest(list(tag_ids)))

    def delete(self, worker_id: str) -> None:
        """Forget a worker; its task is given to another, its credentials are worth nothing any more."""
        self._connection.call("DELETE", _path(worker_id))


class TagCalls:
    """Tags. Every call raises `ManagerError` with status 404 for a tag that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Tag, ...]:
        """Every tag."""
        return self._connection.fetch("/api/v3/worker-mgt/tags", _Tags).tags

    def create(self, name: str, description: str = "") -> Tag:
        """Make a new tag."""
        body = {"name": name, "description": description} if description else {"name": name}
        return self._connection.decoded(self._connection.call("POST", "/api/v3/worker-mgt/tags", body), Tag)

    def change(self, tag_id: str, name: str, description: str | None = None) -> None:
        """Name a tag anew, and describe it anew unless `description` is None."""
        body = {"name": name} if description is None else {"name": name, "description": description}
        self._connection.call("PUT", _tag_path(tag_id), body)

    def delete(self, tag_id: str) -> None:
        """Forget a tag: no worker has it any more, and the jobs that needed it are given to all."""
        self._connection.call("DELETE", _tag_path(tag_id))


def _path(worker_id: str, *rest: str) -> str:
    return "/".join(["/api/v3/worker-mgt/workers", in_path(worker_id), *rest])


def _tag_path(tag_id: str) -> str:
    return f"/api/v3/worker-mgt/tag/{in_path(tag_id)}"
