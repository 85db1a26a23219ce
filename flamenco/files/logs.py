"""Task logs: one text file per task, only ever appended to.

Each append is one write to a file opened for appending, so lines of several processes do not mix, and
what was written before an answer was sent survives the death of the process.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import structlog

from flamenco.domain.errors import StoreError
from flamenco.files.places import job_folder

log = structlog.get_logger()

TAIL_BYTES = 2048
"""How much of a log's end `tail` shows."""


class TaskLogs:
    """The logs of all tasks, below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, job_id: str, task_id: str) -> Path:
        """Where the task's log is; it exists once something was logged."""
        return job_folder(self._root, job_id) / f"task-{task_id}.txt"

    def append(self, job_id: str, task_id: str, text: str) -> None:
        """Add `text` as it is, and a newline where it has none at its end. Nothing happens when it is empty.

        Raises `StoreError` when the file cannot be written.
        """
        if not text:
            return
        data = (text if text.endswith("\n") else text + "\n").encode(errors="replace")
        path = self.path(job_id, task_id)
        try:
            _append(path, data)
        except OSError as error:
            raise StoreError(f"The task log {path} cannot be written: {error.strerror or error}.") from error

    def note(self, job_id: str, task_id: str, text: str, now: datetime) -> None:
        """Add a line of the manager's own, with the local time in front.

        What it tells of has happened already, so a line that cannot be written goes to the manager's log instead.
        """
        try:
            self.append(job_id, task_id, f"{now.astimezone().isoformat(timespec='seconds')} {text}")
        except StoreError as error:
            log.error("a line is missing in a task's log", task=task_id, line=text, reason=str(error))

    def tail(self, job_id: str, task_id: str) -> str:
        """The last lines of the log, at most 2 KiB; empty when there is none."""
        try:
            with self.path(job_id, task_id).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL_BYTES))
                data = file.read(TAIL_BYTES)
        except FileNotFoundError:
            return ""
        if size > TAIL_BYTES:
            whole_lines = data.partition(b"\n")[2]
            data = whole_lines or data
        return data.decode(errors="replace")


def _append(path: Path, data: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with open(descriptor, "ab", buffering=0) as file:  # noqa: PTH123 - a path cannot open a descriptor
        while data:  # a signal or a full disk may leave part of it
            data = data[file.write(data) or 0 :]
