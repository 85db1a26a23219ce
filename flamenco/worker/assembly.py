"""Puts a worker together from its settings, and runs it in this process: signals, exit code, time limits."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from flamenco.client import DEFAULT_URL, ManagerClient
from flamenco.domain.errors import ConfigError
from flamenco.domain.variables import this_platform
from flamenco.hooks.types import CommandType
from flamenco.worker import credentials, update_queue
from flamenco.worker.agent import Agent
from flamenco.worker.registration import Identity, Registration
from flamenco.worker.settings import WorkerSettings
from flamenco.worker.task_run import TaskRunner
from flamenco.worker.update_queue import UpdateQueue
from flamenco.worker.updates import Updates
from flamenco.worker.upload import OutputUploads

SHUTDOWN_LIMIT_S: Final = 20.0
EXIT_STUCK: Final = 254

SIGNAL_CHECK_S: Final = 0.1
"""How often the main thread looks whether there was a signal; on Windows a waiting thread cannot be interrupted."""

log = structlog.get_logger()


@contextmanager
def assembled(settings: WorkerSettings, data_dir: Path, commands: Mapping[str, CommandType]) -> Iterator[Agent]:
    """A worker that keeps its credentials and its queue in `data_dir`. Raises `ConfigError`."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The folder {data_dir} cannot be made: {error.strerror}.") from error
    url = settings.manager_url or DEFAULT_URL
    if not settings.manager_url:
        log.info("no manager given with --manager URL, trying the one on this machine", manager=url)
    with ManagerClient(url, settings.request_timeout) as manager:
        queue = UpdateQueue(data_dir / update_queue.FILE_NAME, settings.update_queue_mb * 1024 * 1024)
        try:
            updates = Updates(queue, manager, settings.update_retry)
            uploads = OutputUploads(manager)
            tasks = TaskRunner(
                manager=manager,
                updates=updates,
                uploads=uploads,
                commands=commands,
                settings=settings,
                variables={"worker_dir": str(program_dir())},
            )
            file = data_dir / credentials.FILE_NAME
            registration = Registration(manager, identity(settings, commands), file, settings.sign_on_retry)
            yield Agent(
                manager=manager,
                registration=registration,
                updates=updates,
                uploads=uploads,
                tasks=tasks,
                settings=settings,
            )
        finally:
            queue.close()


def identity(settings: WorkerSettings, commands: Iterable[str] = ()) -> Identity:
    """What to tell the farm of this machine; `commands` are the names of those that it has."""
    return Identity(
        name=settings.worker_name or platform.node() or "worker",
        platform=this_platform(),
        task_types=settings.task_types,
        commands=tuple(sorted(commands)),
        can_restart=settings.restart_exit_code != 0,
    )


def program_dir() -> Path:
    """The folder of the program that was started, beside which people put a `tools` folder."""
    return Path(sys.argv[0]).resolve().parent


def report_tools() -> None:
    """Log where the usual programs are, for whoever wonders why tasks fail. They may be elsewhere."""
    for tool in ("blender", "ffmpeg"):
        log.info("looked for a program", name=tool, found=shutil.which(tool) or "not on PATH")


def run(agent: Agent) -> int:
    """Run `agent` until it ends or a signal ends it; gives the exit code. Only for the main thread.

    The agent lives in another thread, so that a command that is deep in foreign code keeps neither signals
    nor the time limit of the shutdown from working. Raises what the agent raises.
    """
    ended = threading.Event()
    received: list[int] = []
    outcome: list[int] = []
    problems: list[BaseException] = []

    def live() -> None:
        try:
            outcome.append(agent.run())
        except BaseException as error:  # raised again in the main thread
            problems.append(error)
        finally:
            ended.set()

    def on_signal(number: int, _: FrameType | None) -> None:
        # No more than this: it may interrupt a log line, or a lock being taken.
        received.append(number)

    _handle_signals(on_signal)
    threading.Thread(target=live, name="agent", daemon=True).start()
    while not ended.wait(SIGNAL_CHECK_S) and not received:
        pass
    if received:
        log.info("stopping", signal=signal.Signals(received[0]).name)
        agent.stop()
        if not ended.wait(SHUTDOWN_LIMIT_S):
            log.error("the worker did not stop in time; giving up")
            os._exit(EXIT_STUCK)
    if problems:
        raise problems[0]
    return outcome[0]


def _handle_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        # Whoever had SIGHUP ignored, as nohup does, wants the worker to outlive its terminal.
        if number and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            signal.signal(number, handler)
