"""What plugins hand over: plain typed values, no base classes to inherit from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from flamenco.domain.scheduling import FarmView, JobCandidate, Verdicts


class CommandFailed(Exception):
    """Raised by a command to fail its task; the text is what the artist reads."""


class CommandCancelled(Exception):
    """Raised inside a command when the manager or the user took the task away. Do not catch it."""


class CommandContext(Protocol):
    """What a running command may use. One per task; lives in the worker."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Extra values of this worker, such as `worker_dir`, the folder of the worker's program."""

    def log(self, text: str) -> None:
        """Append `text` to the task's log; a newline is added where missing."""

    def step(self) -> None:
        """Report one step done."""

    def run_process(self, argv: Sequence[str], on_line: Callable[[str], None] | None = None) -> None:
        """Run `argv`, streaming its output into the task's log and to `on_line`.

        Raises `CommandFailed` when it cannot be started or exits with another code than 0. On
        cancellation the whole process group is killed and `CommandCancelled` raised.
        """

    def output_produced(self, path: Path) -> None:
        """Hand an image that the task wrote to the manager, for people to look at. Never fails the task."""

    def wait(self, seconds: float) -> None:
        """Sleep, interruptibly; raises `CommandCancelled`."""

    def cancelled(self) -> bool:
        """Whether the task was taken away."""


class CommandType(Struct, frozen=True, kw_only=True):
    """A command that workers can run.

    `parameters` is a msgspec Struct: its fields are the parameters, their `msgspec.Meta` descriptions
    the documentation. `run` gets the context and an instance of it.
    """

    name: str
    description: str
    task_types: tuple[str, ...]
    parameters: type[Struct]
    run: Callable[[CommandContext, Any], None]


class SchedulingPolicy(Struct, frozen=True, kw_only=True):
    """A say in which job comes first. `score` is pure: the open jobs and the farm in, a verdict per job id out."""

    name: str
    description: str
    score: Callable[[Sequence[JobCandidate], FarmView], Verdicts]
    weight: float = 1.0
