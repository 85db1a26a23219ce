"""What a running command may use of the worker: the hooks' `CommandContext`, for one task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from flamenco.hooks.types import CommandCancelled
from flamenco.worker.cancellation import Cancellation
from flamenco.worker.process import command_text, run_process


class TaskLog(Protocol):
    """Where what a task says goes."""

    def write(self, text: str) -> None:
        """Add `text`; a newline is added where missing."""

    def show(self, text: str) -> None:
        """Let `text` be the line that is not finished."""


class TaskContext:
    """Implements `CommandContext`. Steps count from 1 over the whole task."""

    def __init__(
        self,
        *,
        task_log: TaskLog,
        cancellation: Cancellation,
        on_step: Callable[[int], None],
        on_output: Callable[[Path], None],
        variables: Mapping[str, str],
        oom_score: int | None = None,
    ) -> None:
        self.variables = variables
        self.command_reports_steps = False
        self._task_log = task_log
        self._cancellation = cancellation
        self._on_step = on_step
        self._on_output = on_output
        self._oom_score = oom_score
        self._steps = 0
        self._step_lock = threading.Lock()

    def log(self, text: str) -> None:
        """Append `text` to the task's log; a newline is added where missing."""
        self._task_log.write(text)

    def step(self) -> None:
        """Report one step done. Ignored for a command that was said to have no steps of its own."""
        if self.command_reports_steps:
            self.count_step()

    def count_step(self) -> None:
        """Count a step of the task and report it."""
        with self._step_lock:
            self._steps += 1
            if not self._cancellation.is_set():
                self._on_step(self._steps)

    def run_process(self, argv: Sequence[str], on_line: Callable[[str], None] | None = None) -> None:
        """Run `argv`, its output going to the task's log and to `on_line`; see `CommandContext`."""

        def follow(pid: int, line: str) -> None:
            self.log(f"pid={pid} > {line}")
            if on_line:
                on_line(line)

        def show(pid: int, text: str) -> None:
            self._task_log.show(f"pid={pid} > {text}")

        if isinstance(argv, str | bytes):
            raise TypeError(f"run_process() takes a list of a program and its arguments, and not a text: {argv!r:.200}")
        self.log(f"going to run:\n\n    {command_text(argv)}\n")
        run_process(argv, follow, self._cancellation, self._oom_score, on_progress=show)

    def output_produced(self, path: Path) -> None:
        """Hand an image to the manager, for people to look at. Never fails the task."""
        if not self._cancellation.is_set():
            self._on_output(path.absolute())

    def wait(self, seconds: float) -> None:
        """Sleep, interruptibly; raises `CommandCancelled`."""
        if self._cancellation.wait(seconds):
            raise CommandCancelled

    def cancelled(self) -> bool:
        """Whether the task was taken away."""
        return self._cancellation.is_set()
