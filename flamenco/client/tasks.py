"""What a manager is asked about tasks, and their logs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct

from flamenco.client.connection import Connection, in_path
from flamenco.domain.statuses import TaskStatus
from flamenco.protocol.v3.meta import TaskLogInfo
from flamenco.protocol.v3.tasks import TaskStatusChange
from flamenco.protocol.x.logs import LinePlace, LogHits

_LOG_PART: Final = 1 << 20
"""So many bytes of a log at most are asked for at a time."""


class TaskWorker(Struct, frozen=True, kw_only=True):
    """The worker of a task. All is empty where there is none; of one that was deleted, only the id is known."""

    id: str = ""
    name: str = ""
    address: str = ""


class TaskSummary(Struct, frozen=True, kw_only=True):
    """A task at a glance. `index_in_job` counts from 1."""

    id: str
    name: str
    status: TaskStatus
    index_in_job: int
    priority: int
    task_type: str
    updated: datetime
    steps_completed: int = 0
    steps_total: int = 0
    worker: TaskWorker = TaskWorker()


class Task(Struct, frozen=True, kw_only=True):
    """A task, without its commands."""

    id: str
    job_id: str
    name: str
    status: TaskStatus
    priority: int
    task_type: str
    updated: datetime
    activity: str = ""
    steps_completed: int = 0
    steps_total: int = 0
    worker: TaskWorker = TaskWorker()


class TaskCommand(Struct, frozen=True, kw_only=True):
    """A command as a worker gets it, and the line for a shell that runs the same, where there is one.

    `problem` is why no worker can run it.
    """

    name: str
    parameters: dict[str, Any] = {}
    line: str = ""
    problem: str = ""


class TaskCommands(Struct, frozen=True, kw_only=True):
    """The commands of a task on a platform, and which others can be asked about, the manager's own first."""

    platform: str
    platforms: tuple[str, ...]
    commands: tuple[TaskCommand, ...]


class TaskCalls:
    """Tasks. Every call raises `ManagerError` with status 404 for a task that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, task_id: str) -> Task:
        """One task."""
        return self._connection.fetch(_path(task_id), Task)

    def commands(self, task_id: str, platform: str = "") -> TaskCommands:
        """Its commands as a worker on linux, windows or darwin gets them; without, on the manager's platform."""
        query = f"?{urlencode({'platform': platform})}" if platform else ""
        return self._connection.fetch(f"/api/x/tasks/{in_path(task_id)}/commands{query}", TaskCommands)

    def set_status(self, task_id: str, status: TaskStatus, reason: str) -> None:
        """Cancel or requeue a task; people read the reason."""
        self._connection.call("POST", _path(task_id, "setstatus"), TaskStatusChange(status, reason))

    def log(self, task_id: str) -> TaskLogInfo | None:
        """Where the log of a task is; None while nothing is in it."""
        answer = self._connection.call("GET", _path(task_id, "log"))
        return None if answer.status_code == 204 else self._connection.decoded(answer, TaskLogInfo)

    def log_part(self, log: TaskLogInfo, start: int) -> bytes:
        """What is in a log from byte `start` on, up to a part that is good to handle; nothing where it ends."""
        headers = {"Range": f"bytes={start}-{start + _LOG_PART - 1}"}
        answer = self._connection.call("GET", self._connection.path_of(log.url), headers=headers, also_fine=(404, 416))
        if answer.status_code in (404, 416):
            return b""
        # A proxy may not care for ranges; then all of it comes.
        return answer.content if answer.status_code == 206 else answer.content[start:]

    def place_of_line(self, task_id: str, line: int) -> int:
        """The byte at which a line of its log begins, by its number from 1; of the last one where there are fewer."""
        path = f"/api/x/tasks/{in_path(task_id)}/log/place?line={line}"
        return self._connection.fetch(path, LinePlace).offset

    def search_log(
        self,
        task_id: str,
        text: str,
        *,
        is_pattern: bool = False,
        minds_case: bool = False,
        after: int = 0,
        line: int = 1,
    ) -> LogHits:
        """Look for a text, or a regular expression, in a log, as far as one request gets; it says where to go on.

        `line` is the number of the line that begins at byte `after`.
        """
        asked = {"q": text, "regex": is_pattern, "case": minds_case, "after": after, "line": line}
        query = urlencode({name: str(value).lower() if name != "q" else value for name, value in asked.items()})
        return self._connection.fetch(f"/api/x/tasks/{in_path(task_id)}/log/search?{query}", LogHits)


def _path(task_id: str, *rest: str) -> str:
    return "/".join(["/api/v3/tasks", in_path(task_id), *rest])
