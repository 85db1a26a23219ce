"""Reading the logs of tasks."""

from __future__ import annotations

from msgspec import Struct

from flamenco.domain import job_files
from flamenco.domain.model import TaskState
from flamenco.farm.context import Farm
from flamenco.store import tasks


class TaskLog(Struct, frozen=True):
    """Where a task's log is: its address without the manager's own, and its size in bytes."""

    task_id: str
    job_id: str
    url: str
    size: int


def tail(farm: Farm, task_id: str) -> str:
    """The last lines of a task's log, at most 2 KiB; empty when nothing was logged. Raises `NotFound`."""
    task = _fetch(farm, task_id)
    return farm.logs.tail(task.job_id, task.id)


def info(farm: Farm, task_id: str) -> TaskLog | None:
    """Where a task's log is, and how large; None when nothing was logged. Raises `NotFound`."""
    task = _fetch(farm, task_id)
    size = farm.logs.size(task.job_id, task.id)
    if not size:
        return None
    url = f"{job_files.url_of(task.job_id)}/{job_files.task_log_name(task.id)}"
    return TaskLog(task_id=task.id, job_id=task.job_id, url=url, size=size)


def logged(farm: Farm, task: TaskState) -> int:
    """How many bytes a task has ever logged in attempts that are over, what was left out since included."""
    return farm.logs.logged(task.job_id, task.id) if task.attempts else 0


def _fetch(farm: Farm, task_id: str) -> TaskState:
    with farm.store.read() as tx:
        return tasks.fetch(tx, task_id)
