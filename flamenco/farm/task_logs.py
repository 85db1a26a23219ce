"""Reading the logs of tasks, and searching them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from flamenco.domain import job_files
from flamenco.domain.errors import Busy
from flamenco.domain.model import TaskState
from flamenco.farm.context import Farm
from flamenco.files import log_lines, log_search
from flamenco.files.log_lines import LinePlace
from flamenco.files.log_reading import LogPart
from flamenco.files.log_scan import Found, Wanted
from flamenco.store import tasks

PATIENCE_S: Final = 2.0
"""How long a search waits while others search."""


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


def part(farm: Farm, task_id: str, offset: int, most: int) -> LogPart:
    """Some lines of a task's log, from byte `offset` on, which counts from the end where it is negative.

    Raises `NotFound`; of a log that nobody has begun there is nothing.
    """
    task = _fetch(farm, task_id)
    return farm.logs.part(task.job_id, task.id, offset, most)


def search(farm: Farm, task_id: str, wanted: Wanted) -> Found:
    """Look for something in a task's log, for as long as one request may take. Raises `NotFound`, `Refused`, `Busy`."""
    with _opened(farm, task_id) as descriptor:
        return Found([], 0, 1, 0) if descriptor is None else log_search.search(descriptor, wanted)


def line_at(farm: Farm, task_id: str, offset: int) -> LinePlace:
    """Which line of a task's log has that byte; the last one for what is behind it. Raises what `search` does."""
    with _opened(farm, task_id) as descriptor:
        return log_lines.FIRST if descriptor is None else log_lines.line_at(descriptor, offset)


def place_of(farm: Farm, task_id: str, line: int) -> LinePlace:
    """Where in a task's log a line begins; the last one where there are fewer. Raises what `search` does."""
    with _opened(farm, task_id) as descriptor:
        return log_lines.FIRST if descriptor is None else log_lines.place_of(descriptor, line)


@contextmanager
def _opened(farm: Farm, task_id: str) -> Iterator[int | None]:
    """The log of a task, for what may have to read all of it: few at a time."""
    task = _fetch(farm, task_id)
    if not farm.log_searches.acquire(timeout=PATIENCE_S):
        raise Busy("Others search logs just now; try again in a moment.")
    try:
        with farm.logs.opened(task.job_id, task.id) as descriptor:
            yield descriptor
    finally:
        farm.log_searches.release()


def _fetch(farm: Farm, task_id: str) -> TaskState:
    with farm.store.read() as tx:
        return tasks.fetch(tx, task_id)
