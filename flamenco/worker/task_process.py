"""The worker's side of the process that runs a task's commands as another user, see `run_as` and `task_serving`.

All of a task runs there, not its programs alone: what a command copies, moves, reads or shows is what that user may.
On Linux the process has a supervisor that stays the worker's user, so no task can end it or get away from it.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, cast

import structlog

from flamenco.domain.errors import ConfigError
from flamenco.domain.model import Command
from flamenco.hooks.types import CommandFailed
from flamenco.worker import program, run_as
from flamenco.worker.cancellation import Cancellation
from flamenco.worker.program import Program
from flamenco.worker.run_as import TaskUser
from flamenco.worker.task_context import TaskLog
from flamenco.worker.task_messages import (
    Ended,
    Logged,
    Message,
    NoMessage,
    Rendered,
    Said,
    Sender,
    Shown,
    Stepped,
    Work,
    receive,
)
from flamenco.worker.worker_settings import WorkerSettings

MODULE: Final = "flamenco.task_process"

CANCEL_LIMIT_S: Final = 15.0
"""How long a task that was taken away may take to clean up, before all of it is killed."""

log = structlog.get_logger()


class Reports(NamedTuple):
    """Where what the process tells goes."""

    task_log: TaskLog
    on_step: Callable[[int], None]
    on_image: Callable[[bytes], None]


class TaskProcess:
    """Runs commands as `user`, with the plugins that the worker's settings name."""

    def __init__(self, user: TaskUser, settings: WorkerSettings) -> None:
        self._user = user
        self._settings = settings

    def try_out(self) -> None:
        """Raise `ConfigError` when nothing can be run as the user, whatever keeps it from that."""
        command = Command("exec", {"exe": "/bin/sh", "args": ["-c", ":"]})
        reports = Reports(_Unread(), lambda _: None, lambda _: None)
        if failure := self.run([command], {}, reports, Cancellation()):
            raise ConfigError(f"run_as: nothing can be run as {self._user.name}: {failure}.")

    def run(
        self, commands: Sequence[Command], variables: Mapping[str, str], reports: Reports, cancellation: Cancellation
    ) -> str:
        """Run the commands until one fails or the task is taken away; gives the reason why it failed, or nothing."""
        work = Work(
            user=self._user,
            commands=tuple(commands),
            plugins=self._settings.plugins,
            plugins_dir=self._settings.plugins_dir,
            variables=dict(variables),
            oom_score=self._settings.oom_score_adjust,
        )
        try:
            running = _Running(run_as.without_secrets(os.environ))
        except CommandFailed as error:
            return str(error)
        with running, cancellation.calling(running.cancel):
            running.send(work)
            return running.listen(reports)


class _Running:
    """The process while it runs. Use it in a `with` block, after which nothing of it is left."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        source, self._target = os.pipe()
        # -P: what lies in the current folder, which may be anybody's, is none of its modules.
        command = [sys.executable, "-P", "-m", MODULE, str(source)]
        try:
            self._program: Program = program.start(command, environ=environ, descriptors=(source,))
        except BaseException:
            os.close(self._target)
            raise
        finally:
            os.close(source)
        self._lock = threading.Lock()
        self._is_open = True
        self._limit = threading.Timer(CANCEL_LIMIT_S, self._program.kill)

    def __enter__(self) -> _Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._limit.cancel()
        self._close()
        self._program.kill()
        self._program.wait_until_gone()
        self._program.output.close()

    def cancel(self) -> None:
        """Have it stop soon."""
        self._close()
        self._limit.daemon = True
        self._limit.start()

    def send(self, work: Work) -> None:
        """Tell it what to do. Where it is gone, `listen` says so."""
        with self._lock, suppress(BrokenPipeError):
            if self._is_open:
                Sender(self._target).send(work)

    def listen(self, reports: Reports) -> str:
        """Pass on what it says, to its end; gives the reason why the commands failed, or nothing."""
        stream = io.BufferedReader(cast("io.RawIOBase", self._program.output))
        try:
            while message := receive(stream, Message):
                if isinstance(message, Ended):
                    return message.failure
                _pass_on(message, reports)
        except NoMessage as error:
            text = (error.data + stream.read()).decode(errors="replace").strip()
            log.error("the process for a task's commands does not work", said=text)
            return f"the process for its commands does not work: {text.rpartition(chr(10))[2]}"
        code = self._program.wait()
        return f"the process for its commands ended too soon (exit code {code})"

    def _close(self) -> None:
        with self._lock:
            if self._is_open:
                self._is_open = False
                os.close(self._target)


class _Unread:
    """A task log that nobody reads."""

    def write(self, text: str) -> None:
        """Forget it."""

    def show(self, text: str) -> None:
        """Forget it."""


def _pass_on(message: Message, reports: Reports) -> None:
    match message:
        case Logged(text):
            reports.task_log.write(text)
        case Shown(text):
            reports.task_log.show(text)
        case Stepped(steps):
            reports.on_step(steps)
        case Rendered(jpeg):
            reports.on_image(jpeg)
        case Said(line):
            log.info("said by the process of a task", line=line)
