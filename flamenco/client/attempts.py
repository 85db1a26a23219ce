"""What a manager is asked about attempts at tasks: who was given what, when, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

from msgspec import Struct, field

from flamenco.client.connection import Connection, in_path
from flamenco.domain.attempts import Outcome


class AttemptWorker(Struct, frozen=True, kw_only=True):
    """Who was given the task; empty where nobody was."""

    id: str = ""
    name: str = ""


class AttemptTask(Struct, frozen=True, kw_only=True):
    """The task that was given; `index` counts from 1."""

    id: str
    index: int
    name: str


class Attempt(Struct, frozen=True, kw_only=True):
    """A worker was given a task; it is at it still where it has not `ended`.

    `log_offset` is where its part of the task's log begins, and `task` the one it was: each where that was asked.
    """

    number: int
    started: datetime
    seconds: float
    outcome: Outcome
    ended: datetime | None = None
    worker: AttemptWorker = AttemptWorker()
    reason: str = ""
    steps: int = 0
    log_offset: int | None = None
    task: AttemptTask | None = None


class GivenJob(Struct, frozen=True, kw_only=True):
    """The job of a task."""

    id: str
    name: str


class GivenTask(Struct, frozen=True, kw_only=True):
    """A task that a worker was given, and nobody else since; what came of it, where that is known."""

    task: AttemptTask
    job: GivenJob
    given: datetime
    seconds: float | None = None
    outcome: Outcome | None = None
    reason: str = ""


class WorkerTime(Struct, frozen=True, kw_only=True):
    """What a worker has spent with a job, and with how many of its tasks."""

    seconds: float
    tasks: int
    worker: AttemptWorker = AttemptWorker()


class WorkerDay(Struct, frozen=True, kw_only=True):
    """For how long a worker was at tasks on a day of UTC, which began `at`, and how many went well, or did not."""

    at: datetime
    seconds: float
    completed: int
    failed: int


class WorkerTimes(Struct, frozen=True, kw_only=True):
    """Days of a worker, the oldest first; what was before `since` is not counted."""

    since: datetime = field(name="from")
    days: tuple[WorkerDay, ...]


class Eta(Struct, frozen=True, kw_only=True):
    """When a job will be done, and what that stands on."""

    earliest: datetime
    latest: datetime
    ground: str


class JobTimes(Struct, frozen=True, kw_only=True):
    """How long a job takes, in seconds; None where that cannot be known. So many `workers` are at it now."""

    worker_s: float
    elapsed_s: float | None = None
    median_s: float | None = None
    workers: int = 0
    eta: Eta | None = None
    by_worker: tuple[WorkerTime, ...] = ()


class _Attempts(Struct, frozen=True):
    attempts: tuple[Attempt, ...]
    next: str = ""


class _Given(Struct, frozen=True):
    tasks: tuple[GivenTask, ...]


class AttemptCalls:
    """Attempts. Every call raises `ManagerError` with status 404 for a task, job or worker that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_task(self, task_id: str) -> tuple[Attempt, ...]:
        """The attempts at a task, in their order."""
        return self._connection.fetch(f"/api/x/tasks/{in_path(task_id)}/attempts", _Attempts).attempts

    def of_job(self, job_id: str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Attempt]:
        """All attempts at tasks of a job, by when they ended; those last that are under way. Asked page by page."""
        asked = {"limit": "500"}
        if since:
            asked["from"] = since.isoformat()
        if until:
            asked["to"] = until.isoformat()
        while True:
            page = self._connection.fetch(f"/api/x/jobs/{in_path(job_id)}/attempts?{urlencode(asked)}", _Attempts)
            yield from page.attempts
            if not page.next:
                return
            asked["after"] = page.next

    def of_worker(self, worker_id: str, limit: int = 20) -> tuple[GivenTask, ...]:
        """The tasks that a worker was given last, at most so many (100 at most), the newest first."""
        return self._connection.fetch(f"/api/x/workers/{in_path(worker_id)}/tasks?limit={limit}", _Given).tasks

    def times_of_worker(self, worker_id: str, days: int = 14) -> WorkerTimes:
        """For how long a worker was at tasks on each of so many days (90 at most), of which today is the last."""
        return self._connection.fetch(f"/api/x/workers/{in_path(worker_id)}/times?days={days}", WorkerTimes)

    def times(self, job_id: str) -> JobTimes:
        """How long a job takes, by whom, and when it will be done."""
        return self._connection.fetch(f"/api/x/jobs/{in_path(job_id)}/times", JobTimes)
