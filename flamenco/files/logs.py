r"""Task logs: one text file per task, appended to; only a last line that is not finished is ever replaced.

Each append is one write to a file opened for appending, so lines of several processes do not mix, and
what was written before an answer was sent survives the death of the process. A line that ends with "\r", such as the
progress of a program, is not finished: what the worker adds next takes its place, as on a terminal.
"""

from __future__ import annotations

import contextlib
import fcntl
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

LONGEST_UNFINISHED_BYTES = 64 * 1024
"""More than the longest line that workers send."""

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
        """Add a worker's `text` as it is, and a newline where it has no end. Nothing happens when it is empty.

        It takes the place of a last line that is not finished. Raises `StoreError` when the file cannot be written.
        """
        if not text:
            return
        self._append(job_id, task_id, text, replaces=True)

    def _append(self, job_id: str, task_id: str, text: str, *, replaces: bool) -> None:
        data = (text if text.endswith(("\n", "\r")) else text + "\n").encode(errors="replace")
        path = self.path(job_id, task_id)
        try:
            _append(path, data, lambda: make_job_folder(self._root, job_id), replaces=replaces)
        except OSError as error:
            raise unusable(f"The task log {path} cannot be written", error) from error

    def note(self, job_id: str, task_id: str, line: str) -> None:
        """Add a line of the manager's own; one that is not finished stays as it is.

        What it tells of has happened already, so a line that cannot be written goes to the manager's log instead.
        """
        try:
            self._append(job_id, task_id, line, replaces=False)
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


def _append(path: Path, data: bytes, make_folder: Callable[[], object], *, replaces: bool) -> None:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    try:
        descriptor = os.open(path, flags, 0o644)
    except FileNotFoundError:
        make_folder()
        descriptor = os.open(path, flags, 0o644)
    with open(descriptor, "ab", buffering=0) as file:  # noqa: PTH123 - a path cannot open a descriptor
        # Nobody adds anything between our look at the last line and its removal.
        with contextlib.suppress(OSError):  # a file system that has no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if (start := _unfinished(descriptor)) is not None:
            if replaces:
                os.ftruncate(descriptor, start)
            else:
                data = b"\n" + data
        while data:  # a signal or a full disk may leave part of it
            data = data[file.write(data) or 0 :]


def _unfinished(descriptor: int) -> int | None:
    """Where a last line begins that is not finished."""
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) != b"\r":
        return None
    start = max(0, size - LONGEST_UNFINISHED_BYTES)
    end_of_another = os.pread(descriptor, size - start, start).rfind(b"\n")
    return None if start and end_of_another < 0 else start + end_of_another + 1
