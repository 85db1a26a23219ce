"""Runs one program of a task: streams its output line by line, and ends it with all its descendants on request.

stdout and stderr are one stream, as in a terminal.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from flamenco.hooks.types import CommandCancelled, CommandFailed
from flamenco.worker import program
from flamenco.worker.cancellation import Cancellation
from flamenco.worker.output_lines import LineSplitter
from flamenco.worker.program import Program

READ_BYTES: Final = 64 * 1024

HELD_OUTPUT_S: Final = 10.0
"""How long an ended program's output may be silent while something that it has started holds it open."""

_LOOK_S: Final = 1.0


def command_text(argv: Sequence[str]) -> str:
    """The command line as one would type it on this platform."""
    return subprocess.list2cmdline(argv) if sys.platform == "win32" else shlex.join(argv)


def run_process(
    argv: Sequence[str],
    on_line: Callable[[int, str], None],
    cancellation: Cancellation,
    oom_score: int | None = None,
    held_output_s: float = HELD_OUTPUT_S,
    on_progress: Callable[[int, str], None] = lambda _pid, _text: None,
) -> None:
    """Run `argv` to its end; `on_line` gets the process id and each line, from another thread.

    `on_progress` gets what a line says meanwhile that the program writes over again and again.

    It has ended when its output has: a launcher may well be gone before the program it has launched. On Linux what it
    leaves behind is ended then, and does not keep it when it is silent for `held_output_s`. Raises `CommandFailed`
    when it cannot be started or its exit code is not 0, `CommandCancelled` when the task was taken away, and whatever
    `on_line` raises.
    """
    if cancellation.is_set():
        raise CommandCancelled
    running = program.start(argv, oom_score)
    reader = _OutputReader(running, on_line, on_progress)
    with cancellation.calling(lambda: _stop(running, reader)):
        while not reader.wait(_LOOK_S):
            if running.has_left_its_output() and reader.silent_s() > held_output_s:
                _stop(running, reader)
    if reader.error and not cancellation.is_set():
        running.kill()
        running.wait_until_gone()
        raise reader.error
    _check(running, cancellation)


def _check(running: Program, cancellation: Cancellation) -> None:
    """Wait for a program that has closed its output, and look at its exit code."""
    with cancellation.calling(running.kill):
        code = 0 if cancellation.is_set() else running.wait()
    if cancellation.is_set():
        running.wait_until_gone()
        raise CommandCancelled
    running.clean_up()
    if code < 0:
        raise CommandFailed(f"the program was killed by {_signal_name(-code)} (exit code -1)")
    if code:
        raise CommandFailed(f"the program exited with code {code}")


class _OutputReader:
    """Reads a program's output in a thread, because a read cannot be interrupted on every platform."""

    def __init__(
        self, running: Program, on_line: Callable[[int, str], None], on_progress: Callable[[int, str], None]
    ) -> None:
        self.error: BaseException | None = None
        self._program = running
        self._on_line = on_line
        self._on_progress = on_progress
        self._done = threading.Event()
        self._abandoned = False
        self._silent_since: float | None = None
        threading.Thread(target=self._run, name=f"output-{running.pid}", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait so long for the end of the output, or until it was abandoned; whether it has come."""
        return self._done.wait(seconds)

    def abandon(self) -> None:
        """Let nothing more come through; a program that escaped may hold the output open for ever."""
        self._abandoned = True
        self._done.set()

    def silent_s(self) -> float:
        """For how long there was nothing to read."""
        since = self._silent_since
        return 0.0 if since is None else time.monotonic() - since

    def _run(self) -> None:
        lines = LineSplitter()
        try:
            with self._program.output as output:
                while data := self._read(output.read):
                    self._pass_on(lines.feed(data))
                    if lines.progress and not self._abandoned:
                        self._on_progress(self._program.pid, lines.progress)
                self._pass_on(lines.finish())
        except BaseException as error:  # a plugin's `sys.exit()` as well; raised again by `run_process`
            self.error = error
        finally:
            self._done.set()

    def _read(self, read: Callable[[int], bytes]) -> bytes:
        self._silent_since = time.monotonic()
        data = read(READ_BYTES)
        self._silent_since = None
        return data

    def _pass_on(self, lines: Sequence[str]) -> None:
        for line in lines:
            if self._abandoned:
                return
            self._on_line(self._program.pid, line)


def _stop(running: Program, reader: _OutputReader) -> None:
    running.kill()
    reader.abandon()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
