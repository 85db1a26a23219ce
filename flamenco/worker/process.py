"""Runs one program of a task: streams its output line by line, and ends it with all its descendants on request.

Every program gets a process group (on Windows: a process tree) of its own, so that what it starts goes down
with it. stdout and stderr are one stream, as in a terminal.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from flamenco.hooks.types import CommandCancelled, CommandFailed
from flamenco.worker.cancellation import Cancellation
from flamenco.worker.output_lines import LineSplitter

READ_BYTES: Final = 64 * 1024
KILL_WAIT_S: Final = 5.0
"""How long to wait for a killed program and for the end of its output."""

_OOM_SCORE: Final = Path("/proc/self/oom_score_adj")

log = structlog.get_logger()


def command_text(argv: Sequence[str]) -> str:
    """The command line as one would type it on this platform."""
    return subprocess.list2cmdline(argv) if sys.platform == "win32" else shlex.join(argv)


def run_process(
    argv: Sequence[str],
    on_line: Callable[[int, str], None],
    cancellation: Cancellation,
    oom_score: int | None = None,
) -> None:
    """Run `argv` to its end; `on_line` gets the process id and each line, from another thread.

    It has ended when its output has: a launcher may well be gone before the program it has launched. Raises
    `CommandFailed` when it cannot be started or its exit code is not 0, `CommandCancelled` when the task was
    taken away, and whatever `on_line` raises.
    """
    if cancellation.is_set():
        raise CommandCancelled
    with _oom_score(oom_score):
        process = _start(argv)
    reader = _OutputReader(process, on_line)
    with cancellation.calling(lambda: _stop(process, reader)):
        reader.wait()
    if cancellation.is_set():
        _reap(process)
        raise CommandCancelled
    if reader.error:
        kill_tree(process)
        _reap(process)
        raise reader.error
    _check(process, cancellation)


def _check(process: subprocess.Popen[bytes], cancellation: Cancellation) -> None:
    """Wait for a program that has closed its output, and look at its exit code."""
    with cancellation.calling(lambda: kill_tree(process)):
        code = process.wait()
    if cancellation.is_set():
        raise CommandCancelled
    if code < 0:
        raise CommandFailed(f"the program was killed by {_signal_name(-code)} (exit code -1)")
    if code:
        raise CommandFailed(f"the program exited with code {code}")


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    own_group: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, **own_group
        )
    except FileNotFoundError as error:
        raise CommandFailed(f"cannot start {argv[0]!r}: there is no such program on this worker") from error
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot start {argv[0]!r}: {getattr(error, 'strerror', None) or error}") from error


class _OutputReader:
    """Reads a program's output in a thread, because a read cannot be interrupted on every platform."""

    def __init__(self, process: subprocess.Popen[bytes], on_line: Callable[[int, str], None]) -> None:
        self.error: BaseException | None = None
        self._process = process
        self._on_line = on_line
        self._done = threading.Event()
        self._abandoned = False
        threading.Thread(target=self._run, name=f"output-{process.pid}", daemon=True).start()

    def wait(self) -> None:
        """Wait for the end of the output, or until it was abandoned."""
        self._done.wait()

    def abandon(self) -> None:
        """Let nothing more come through; a program that escaped may hold the output open for ever."""
        self._abandoned = True
        self._done.set()

    def _run(self) -> None:
        output = self._process.stdout
        assert output is not None  # noqa: S101 (for the type checker: it is a pipe)
        lines = LineSplitter()
        try:
            with output:
                while data := output.read(READ_BYTES):
                    self._pass_on(lines.feed(data))
                self._pass_on(lines.finish())
        except BaseException as error:  # a plugin's `sys.exit()` as well; raised again by `run_process`
            self.error = error
        finally:
            self._done.set()

    def _pass_on(self, lines: Sequence[str]) -> None:
        for line in lines:
            if self._abandoned:
                return
            self._on_line(self._process.pid, line)


def _stop(process: subprocess.Popen[bytes], reader: _OutputReader) -> None:
    kill_tree(process)
    reader.abandon()


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and everything it has started. Nothing happens when all of it is gone already."""
    if sys.platform == "win32":
        kill = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(kill, stdin=subprocess.DEVNULL, capture_output=True, timeout=KILL_WAIT_S, check=False)
        return
    # The group outlives the process that gave it its number, for as long as anyone is in it.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError as error:  # it has become another user's, such as root's by sudo
        log.warning("a program of the task cannot be killed", pid=process.pid, error=str(error))


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(KILL_WAIT_S)
    except subprocess.TimeoutExpired:
        log.warning("a killed program does not go away", pid=process.pid)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def _oom_score(score: int | None) -> Iterator[None]:
    """Have what is started in the `with` block inherit this readiness to be killed when memory runs out."""
    if score is None or not sys.platform.startswith("linux"):
        yield
        return
    before = _OOM_SCORE.read_text()
    try:
        _OOM_SCORE.write_text(str(score))
    except OSError as error:
        log.warning("cannot set the OOM score of the task's program", score=score, error=str(error))
    try:
        yield
    finally:
        try:
            _OOM_SCORE.write_text(before)
        except OSError as error:
            log.warning("cannot restore the worker's OOM score", score=before, error=str(error))
