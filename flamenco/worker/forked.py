"""Makes a supervisor of this process where its user cannot start another Python, which may lie in somebody's home."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, NoReturn

from flamenco.worker import supervisor

_MOST_DESCRIPTORS: Final = 1 << 20


def is_needed() -> bool:
    """Whether another Python cannot be started, though this one runs."""
    needed = (sys.executable, os.__file__, supervisor.__file__)
    return not all(os.access(Path(path).resolve(), os.R_OK) for path in needed)


class ForkedSupervisor:
    """A supervisor without a program file of its own; it can be asked what is asked of a `subprocess.Popen`."""

    def __init__(self, status: int, control: int, oom_score: str, argv: Sequence[str]) -> None:
        reading, writing = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _supervise(status, control, writing, oom_score, argv)
        os.close(writing)
        self.stdout: IO[bytes] = open(reading, "rb", buffering=0)  # noqa: PTH123, SIM115 - for whoever has this
        self._code: int | None = None
        self._descriptor = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Its exit code when it has ended."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self._descriptor)
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        if self.poll() is None:
            select.select([self._descriptor], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("supervisor", timeout or 0)
        return code

    def kill(self) -> None:
        """Kill it, and nothing else."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _supervise(status: int, control: int, output: int, oom_score: str, argv: Sequence[str]) -> NoReturn:
    """Be the supervisor. Of what was open before, nothing is any more."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        first, second = sorted((status, control))
        os.closerange(3, first)
        os.closerange(first + 1, second)
        os.closerange(second + 1, _MOST_DESCRIPTORS)
        supervisor.main(status, control, oom_score, list(argv))
    finally:
        os._exit(0)
