"""Task logs: one text file per task, only ever appended to.

Each append is one write to a file opened for appending, so lines of several processes do not mix, and
what was written before an answer was sent survives the death of the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from flamenco.domain.errors import StoreError
from flamenco.domain.job_files import task_log_name
from flamenco.files.places import job_folder, make_job_folder, unusable

log = structlog.get_logger()

TAIL_BYTES = 2048
"""How much of a log's end `tail` shows."""

_CONTINUATION = bytes(range(0x80, 0xC0))
"""What a character in UTF-8 goes on with, and none begins with."""


class TaskLogs:
    """The logs of all tasks, below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, job_id: str, task_id: str) -> Path:
        """Where the task's log is; it exists once something was logged."""
        return job_folder(self._root, job_id) / task_log_name(task_id)

    def append(self, job_id: str, task_id: str, text: str) -> None:
        """Add `text` as it is, and a newline where it has none at its end. Nothing happens when it is empty.

        Raises `StoreError` when the file cannot be written.
        """
        if not text:
            return
        data = (text if text.endswith("\n") else text + "\n").encode(errors="replace")
        path = self.path(job_id, task_id)
        try:
            _append(path, data, lambda: make_job_folder(self._root, job_id))
        except OSError as error:
            raise unusable(f"The task log {path} cannot be written", error) from error

    def note(self, job_id: str, task_id: str, line: str) -> None:
        """Add a line of the manager's own.

        What it tells of has happened already, so a line that cannot be written goes to the manager's log instead.
        """
        try:
            self.append(job_id, task_id, line)
        except StoreError as error:
            log.error("a line is missing in a task's log", task=task_id, line=line, reason=str(error))

    def size(self, job_id: str, task_id: str) -> int:
        """How many bytes the log has; 0 when there is none."""
        try:
            return self.path(job_id, task_id).stat().st_size
        except FileNotFoundError:
            return 0

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
            # The beginning may be the rest of a line, and of a character.
            data = data.partition(b"\n")[2] or data.lstrip(_CONTINUATION)
        return data.decode(errors="replace")


def stamped(line: str, now: datetime) -> str:
    """A line of the manager's own as it stands in a log: with the local time in front."""
    return f"{now.astimezone().isoformat(timespec='seconds')} {line}"


def _append(path: Path, data: bytes, make_folder: Callable[[], object]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except FileNotFoundError:
        make_folder()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with open(descriptor, "ab", buffering=0) as file:  # noqa: PTH123 - a path cannot open a descriptor
        while data:  # a signal or a full disk may leave part of it
            data = data[file.write(data) or 0 :]
