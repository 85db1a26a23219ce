"""A program of a task while it runs: its output, its end, and how it is ended with all that it has started.

On Linux a supervisor takes care of it, from which nothing gets away, see `supervisor`. Elsewhere it has a process
group (on Windows: a process tree) of its own, and what leaves that is not found any more.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import structlog

from flamenco.hooks.types import CommandFailed
from flamenco.platforms import groups
from flamenco.worker import forked

KILL_WAIT_S: Final = 5.0
"""How long to wait for a killed program and for the end of its output."""

_SUPERVISOR: Final = Path(__file__).with_name("supervisor.py")

Supervisor: TypeAlias = subprocess.Popen[bytes] | forked.ForkedSupervisor

log = structlog.get_logger()


class Program:
    """A program in a process group of its own."""

    def __init__(self, process: Supervisor) -> None:
        if process.stdout is None:
            raise ValueError("the program's output must be a pipe")
        self.pid = process.pid
        self.output: IO[bytes] = process.stdout
        self._process = process

    def has_left_its_output(self) -> bool:
        """Whether it has ended, and who holds its output open need not be waited for."""
        return False

    def wait(self) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        return self._process.wait()

    def kill(self) -> None:
        """Kill it and everything it has started. Nothing happens when all of it is gone already."""
        _kill_group(self.pid)

    def clean_up(self) -> None:
        """After its end: end what it has left behind, where that is known."""

    def wait_until_gone(self) -> None:
        """Wait, not for ever, until it was killed."""
        try:
            self._process.wait(KILL_WAIT_S)
        except subprocess.TimeoutExpired:
            log.warning("a killed program does not go away", pid=self.pid)


class SupervisedProgram(Program):
    """A program with a supervisor, which is told what to do by closing `control` and tells what happens by `status`.

    Only one thread waits for it; any may kill it.
    """

    def __init__(self, supervisor: Supervisor, status: int, control: int) -> None:
        super().__init__(supervisor)
        self._status: int | None = status
        self._control: int | None = control
        self._lock = threading.Lock()
        self._said = b""
        self._code: int | None = None
        self.error = 0
        """The number of the error with which it could not be started."""

    def await_start(self) -> bool:
        """Wait until the program runs; False when it does not, and `error` says why."""
        started = False
        while not started and not self.error and self._status is not None:
            started = "pid" in self._listen(None)
        return started

    def has_left_its_output(self) -> bool:
        """Whether it has ended; what holds its output open by then is in its session, and may be waited for a while."""
        self._listen(0)
        return self._code is not None

    def wait(self) -> int:
        """Wait for its end; its exit code, negative for a signal."""
        while self._code is None and self._status is not None:
            self._listen(None)
        if self._code is None:  # the supervisor was killed, and the program with it
            _kill_group(self.pid)
            return -signal.SIGKILL
        return self._code

    def kill(self) -> None:
        """Have everything killed."""
        with self._lock:
            if self._control is not None:
                os.close(self._control)
                self._control = None

    def clean_up(self) -> None:
        """End what it has left behind."""
        self.kill()
        self.wait_until_gone()

    def wait_until_gone(self) -> None:
        """Wait, not for ever, until the supervisor has killed everything."""
        super().wait_until_gone()
        if self._process.poll() is None:
            _kill_group(self.pid)
            self._process.kill()
        self._listen(0)
        if self._status is not None:
            os.close(self._status)
            self._status = None

    def _listen(self, timeout_s: float | None) -> set[str]:
        """Take in what the supervisor has said; gives the kinds of it."""
        if self._status is None or not select.select([self._status], [], [], timeout_s)[0]:
            return set()
        data = os.read(self._status, 4096)
        if not data:
            os.close(self._status)
            self._status = None
        *lines, self._said = (self._said + data).split(b"\n")
        kinds = set()
        for line in lines:
            kind, number = line.decode().split()
            kinds.add(kind)
            if kind == "pid":
                self.pid = int(number)
            elif kind == "error":
                self.error = int(number)
            elif kind == "code":
                self._code = int(number)
            elif kind == "unscored":
                log.warning("cannot set the OOM score of the task's program", error=os.strerror(int(number)))
            else:
                log.warning("a program of the task cannot be killed", pid=int(number))
        return kinds


def start(
    argv: Sequence[str],
    oom_score: int | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    descriptors: tuple[int, ...] = (),
) -> Program:
    """Start a program, in this one's environment unless another is given, with nothing open but those `descriptors`.

    Raises `CommandFailed` with a sentence when that is not possible.
    """
    try:
        if sys.platform != "linux":
            return Program(_popen(argv, env=environ, pass_fds=descriptors))
        return _start_supervised(argv, oom_score, environ, descriptors)
    except FileNotFoundError as error:
        raise CommandFailed(f"cannot start {argv[0]!r}: there is no such program on this worker") from error
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot start {argv[0]!r}: {getattr(error, 'strerror', None) or error}") from error


def _start_supervised(
    argv: Sequence[str], oom_score: int | None, environ: Mapping[str, str] | None, descriptors: tuple[int, ...]
) -> Program:
    status, told = os.pipe()
    listening, control = os.pipe()
    score = "" if oom_score is None else str(oom_score)
    # Isolated: the program's environment is as it was, and none of it is for this Python.
    command = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(told), str(listening), score, *argv]
    try:
        process: Supervisor = (
            forked.ForkedSupervisor(told, listening, score, argv)
            if forked.is_needed()
            else _popen(command, env=environ, pass_fds=(told, listening, *descriptors))
        )
    except BaseException:
        os.close(status)
        os.close(control)
        raise
    finally:
        os.close(told)
        os.close(listening)
    program = SupervisedProgram(process, status, control)
    if not program.await_start():
        said = program.output.read().decode(errors="replace").strip()
        program.output.close()
        program.clean_up()
        raise (
            OSError(program.error, os.strerror(program.error))
            if program.error
            else ValueError(f"its supervisor, {sys.executable}, does not work: {said}")
        )
    return program


def _popen(argv: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
    given: dict[str, Any] = {**groups.OWN_GROUP, **more}
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, **given
    )


def _kill_group(pid: int) -> None:
    try:
        groups.kill(pid)
    except PermissionError as error:  # it has become another user's, such as root's by sudo
        log.warning("a program of the task cannot be killed", pid=pid, error=str(error))
