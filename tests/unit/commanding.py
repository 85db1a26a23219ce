"""Runs commands as a worker does, without a manager: the real context, its log and reports kept for looking at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flamenco import CommandType, builtin
from flamenco.domain.durations import Duration
from flamenco.hooks.manager import Hooks
from flamenco.hooks.parameters import read_parameters
from flamenco.worker.cancellation import Cancellation
from flamenco.worker.log_stream import LogStream
from flamenco.worker.task_context import TaskContext


def builtin_commands() -> dict[str, CommandType]:
    """The core's commands, through the hook that plugins use."""
    hooks = Hooks()
    builtin.register(hooks)
    return hooks.command_types()


class Bench:
    """A worker's context on the workbench."""

    def __init__(self, worker_dir: Path | None = None) -> None:
        self.log = ""
        self.steps: list[int] = []
        self.images: list[Path] = []
        self.cancellation = Cancellation()
        self.context = TaskContext(
            task_log=LogStream(self._keep, 1, Duration(0)),
            cancellation=self.cancellation,
            on_step=self.steps.append,
            on_output=self.images.append,
            variables={"worker_dir": str(worker_dir)} if worker_dir else {},
        )
        self.context.command_reports_steps = True

    def run(self, name: str, **parameters: Any) -> str:
        """Run a command with the parameters as a script writes them; gives the log."""
        command = builtin_commands()[name]
        command.run(self.context, read_parameters(command, parameters))
        return self.log

    def _keep(self, text: str) -> None:
        self.log += text
