"""The process that runs a task's commands as another user: takes on its work, becomes that user, tells how it goes.

It is started by `task_process` as the worker's user, since plugins may lie where only that one can read, and is the
other user's for ever before it looks at what a task wants. It knows nothing of the manager.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO, cast

import structlog
from PIL import JpegImagePlugin, PngImagePlugin, TiffImagePlugin  # noqa: F401 - later on they may be out of reach

from flamenco.domain.errors import FarmError
from flamenco.hooks.types import CommandType
from flamenco.worker import run_as
from flamenco.worker.cancellation import Cancellation, CancelReason
from flamenco.worker.log_stream import sendable
from flamenco.worker.task_commands import run_commands
from flamenco.worker.task_context import TaskContext
from flamenco.worker.task_messages import Ended, Logged, Rendered, Said, Sender, Shown, Stepped, Work, receive
from flamenco.worker.upload import OutputUploads

LAST_IMAGE_S: Final = 5.0
"""How long the end of a task waits for its last image."""

STOP_LIMIT_S: Final = 10.0
"""How long commands may go on after their end was asked for."""

log = structlog.get_logger()

CommandsOf = Callable[[Work], Mapping[str, CommandType]]


class Messages:
    """Everything that is told goes through here: standard output is for nothing else any more."""

    def __init__(self) -> None:
        # No program gets this descriptor: copies are not inherited.
        self._sender = Sender(os.dup(1))
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        self.lines = cast("TextIO", _Lines(self._sender))
        sys.stdout = sys.stderr = self.lines

    def write(self, text: str) -> None:
        """As a task's log does."""
        self._sender.send(Logged(sendable(text)))

    def show(self, text: str) -> None:
        """As a task's log does."""
        self._sender.send(Shown(sendable(text)))

    def step(self, steps: int) -> None:
        """So many steps are done."""
        self._sender.send(Stepped(steps))

    def output_produced(self, _task_id: str, jpeg: bytes) -> None:
        """As a manager does."""
        self._sender.send(Rendered(jpeg))

    def end(self, failure: str) -> None:
        """The last message."""
        self._sender.send(Ended(sendable(failure)))


class _Lines(io.TextIOBase):
    """A stream for what is logged or printed here; each write that is not empty is told as a line."""

    def __init__(self, sender: Sender) -> None:
        super().__init__()
        self._sender = sender

    def write(self, text: str) -> int:
        if line := text.strip():
            self._sender.send(Said(sendable(line)))
        return len(text)


def serve(source: int, messages: Messages, commands_of: CommandsOf) -> None:
    """Do the work that comes from the descriptor `source`, until it is done or that comes to its end."""
    with os.fdopen(source, "rb") as stream:
        work: Work | None = receive(stream, Work)
        if work is None:
            return
        try:
            kinds = commands_of(work)
            _set_oom_score(work.oom_score)
            run_as.become(work.user)
        except (FarmError, OSError) as error:
            messages.end(f"it cannot be run as {work.user.name}: {error}")
            return
        cancellation = Cancellation()
        threading.Thread(target=_await_end, args=(stream, cancellation), daemon=True).start()
        messages.end(_run(work, kinds, messages, cancellation))
        os._exit(0)  # that thread holds the stream


def _run(work: Work, kinds: Mapping[str, CommandType], messages: Messages, cancellation: Cancellation) -> str:
    with OutputUploads(messages) as images:
        context = TaskContext(
            task_log=messages,
            cancellation=cancellation,
            on_step=messages.step,
            on_output=lambda image: images.put("", image),
            variables=work.variables,
        )
        failure = run_commands(work.commands, kinds, context)
        if not cancellation.is_set():
            images.wait_until_idle(LAST_IMAGE_S)
    return failure


def _set_oom_score(score: int | None) -> None:
    """For this process and all it starts: the user might not be allowed to."""
    if score is None or sys.platform != "linux":
        return
    try:
        Path("/proc/self/oom_score_adj").write_text(str(score), "ascii")
    except OSError as error:
        log.warning("cannot set the OOM score of the task's programs", error=error.strerror)


def _await_end(stream: Any, cancellation: Cancellation) -> None:
    """When the worker wants no more of it, or is gone, everything is to end."""
    stream.read(1)
    cancellation.cancel(CancelReason.MANAGER)
    threading.Event().wait(STOP_LIMIT_S)
    os._exit(1)
