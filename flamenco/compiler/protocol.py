"""What parent and helper process say to each other: one line of JSON per request, and lines of JSON in reply.

First comes `RUNNING`, then lists of the job's tasks, each a line, and last an object, the `Reply`.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from msgspec import Struct

Result = TypeVar("Result")

EXIT_IDLE = 70
"""The helper ended itself between two requests: nothing was lost, start another."""

EXIT_MEMORY = 71
"""The helper ended itself because the script used too much memory."""

EXIT_TIME = 72
"""The helper ended itself because the script ran too long."""

RUNNING = b"running\n"
"""What the helper says before it begins with a request: from then on, what happens to it is the script's doing."""

PROGRAM = "<anonymous>"
"""What V8 calls program text that has no name: the script, where its name got lost."""


class Setup(Struct, frozen=True, kw_only=True):
    """Command-line argument of the helper, as JSON."""

    memory_mb: int
    idle_s: float
    grown_idle_s: float


class Request(Struct, frozen=True, kw_only=True):
    """One run of a script. `start` and `job` are JSON texts for the prelude; without `job`, it is only described.

    `timeout_s` is the processor time that it may take.
    """

    file: str
    source: str
    start: str
    timeout_s: float
    job: str | None = None


class ScriptError(Struct, frozen=True, kw_only=True):
    """Why there is no result: the script threw `text` at `line` and `column` of `file`, or needs too much memory."""

    kind: Literal["thrown", "memory"]
    text: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


class Printed(Struct, frozen=True):
    """A line that the script printed; a warning when by `alert`."""

    text: str
    warning: bool


class Reply(Struct, Generic[Result], frozen=True, kw_only=True):
    """The helper's answer. `result` is what the prelude returned, None where it returned null."""

    error: ScriptError | None = None
    printed: tuple[Printed, ...] = ()
    result: Result | None = None
