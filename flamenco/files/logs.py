r"""Task logs: one text file per task, appended to; only a last line that is not finished is ever replaced.

Each append is one write to a file opened for appending, so lines of several processes do not mix, and
what was written before an answer was sent survives the death of the process. A line that ends with "\r", such as the
progress of a program, is not finished: what the worker adds next takes its place, as on a terminal. A log that becomes
too long is cut, by `log_cuts`, by whoever made it so long.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import structlog

from flamenco.domain.errors import StoreError
from flamenco.domain.job_files import folder_of, task_log_name
from flamenco.files import log_cuts, log_reading
from flamenco.files.below import READ, open_along, open_below
from flamenco.files.job_folders import job_folder, make_job_folder, unusable
from flamenco.files.log_reading import LogPart
from flamenco.platforms import locks
from flamenco.platforms.places import read_at

log = structlog.get_logger()

TAIL_BYTES = 2048
"""How much of a log's end `tail` shows."""


class TaskLogs:
    """The logs of all tasks, below `root`, each of `most_bytes` at most; zero for no limit."""

    def __init__(self, root: Path, most_bytes: int = 0) -> None:
        self._root = root
        self._most_bytes = most_bytes

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
        # Every update of a task comes by here, so without the paths that are convenient elsewhere.
        names = (*folder_of(job_id), task_log_name(task_id))
        path = "/".join((str(self._root), *names))
        try:
            descriptor = self._locked(names, path)
            try:
                _append(descriptor, data, replaces=replaces)
                self._cut(path, descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise unusable(f"The task log {path} cannot be written", error) from error

    def _locked(self, names: tuple[str, str, str], path: str) -> int:
        """The log, open for appending, and nobody else appends until it is closed."""
        while True:
            descriptor = self._opened(names)
            try:
                with contextlib.suppress(OSError):  # a file system that has no locks
                    locks.lock(descriptor)
                if _is_in_place(path, descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _opened(self, names: tuple[str, str, str]) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            return open_along(self._root, names, flags)
        except FileNotFoundError:
            make_job_folder(self._root, names[1])
            return open_along(self._root, names, flags)

    def _cut(self, path: str, descriptor: int) -> None:
        if not self._most_bytes or os.fstat(descriptor).st_size <= self._most_bytes:
            return
        try:
            log_cuts.cut(Path(path), descriptor, self._most_bytes)
        except OSError as error:  # what was to be written is written
            log.error("a task's log is too long, and cannot be cut", file=str(path), reason=str(error))

    def note(self, job_id: str, task_id: str, line: str) -> None:
        """Add a line of the manager's own, or several; one that is not finished stays as it is.

        What it tells of has happened already, so a line that cannot be written goes to the manager's log instead.
        """
        try:
            self._append(job_id, task_id, line, replaces=False)
        except StoreError as error:
            log.error("a line is missing in a task's log", task=task_id, line=line, reason=str(error))

    def size(self, job_id: str, task_id: str) -> int:
        """How many bytes the log has; 0 when there is none."""
        try:
            return self.path(job_id, task_id).lstat().st_size
        except FileNotFoundError:
            return 0

    def logged(self, job_id: str, task_id: str) -> int:
        """How many bytes were ever logged, what was left out since included. It never becomes less, but for a line
        that was not finished.
        """
        try:
            return self._gap(job_id, task_id).logged(self.size(job_id, task_id))
        except OSError:
            return 0

    def offset(self, job_id: str, task_id: str, logged: int) -> int:
        """Where in the log that is which came when so many bytes had been logged; where it is left out, the sentence
        that says so.
        """
        try:
            return min(self._gap(job_id, task_id).offset(logged), self.size(job_id, task_id))
        except OSError:
            return 0

    def _gap(self, job_id: str, task_id: str) -> log_cuts.Gap:
        path = self.path(job_id, task_id)
        if not self._most_bytes or self.size(job_id, task_id) <= self._most_bytes // log_cuts.NEWEST:
            return log_cuts.NO_GAP
        descriptor = open_below(self._root, path, os.O_RDONLY)
        try:
            return log_cuts.gap(descriptor, self._most_bytes)
        finally:
            os.close(descriptor)

    def tail(self, job_id: str, task_id: str) -> str:
        """The last lines of the log, at most 2 KiB; empty when there is none. Raises `StoreError`."""
        return self.part(job_id, task_id, -TAIL_BYTES, TAIL_BYTES).data.decode(errors="replace")

    def part(self, job_id: str, task_id: str, offset: int, most: int) -> LogPart:
        """Some lines of the log, by their place in bytes (`log_reading.read`). Raises `StoreError`."""
        with self.opened(job_id, task_id) as descriptor:
            return log_reading.NOTHING if descriptor is None else log_reading.read(descriptor, offset, most)

    @contextmanager
    def opened(self, job_id: str, task_id: str) -> Iterator[int | None]:
        """The log, open for reading; None when there is none. Raises `StoreError`, also for what goes wrong within."""
        path = self.path(job_id, task_id)
        try:
            descriptor = open_below(self._root, path, READ)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise unusable(f"The task log {path} cannot be read", error) from error
        try:
            yield descriptor
        except OSError as error:
            raise unusable(f"The task log {path} cannot be read", error) from error
        finally:
            os.close(descriptor)


def stamped(line: str, now: datetime) -> str:
    """A line of the manager's own as it stands in a log: with the local time in front."""
    return f"{_local(now)} {line}"


@lru_cache(1)
def _local(now: datetime) -> str:
    """What happens at once has several lines."""
    return now.astimezone().isoformat(timespec="seconds")


def _is_in_place(path: str, descriptor: int) -> bool:
    """Whether that is the log still: one that was cut since is another file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _append(descriptor: int, data: bytes, *, replaces: bool) -> None:
    if (start := _unfinished(descriptor)) is not None:
        if replaces:
            os.ftruncate(descriptor, start)
        else:
            data = b"\n" + data
    while data:  # a signal or a full disk may leave part of it
        data = data[os.write(descriptor, data) :]


def _unfinished(descriptor: int) -> int | None:
    """Where a last line begins that is not finished."""
    size = os.fstat(descriptor).st_size
    if not size or read_at(descriptor, 1, size - 1) != b"\r":
        return None
    start = max(0, size - log_cuts.LONGEST_LINE_BYTES)
    end_of_another = read_at(descriptor, size - start, start).rfind(b"\n")
    return None if start and end_of_another < 0 else start + end_of_another + 1
