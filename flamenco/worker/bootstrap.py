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
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeAlias

import structlog

from flamenco.client import ManagerClient
from flamenco.discovery.search import ManagerSearch
from flamenco.domain.errors import ConfigError, FarmError
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

CHECK_TIMEOUT_S: Final = 5.0
"""How long a manager that was found may take to say who it is; it may have addresses that lead nowhere from here."""

SIGNAL_CHECK_S: Final = 0.1
"""How often the main thread looks whether there was a signal; on Windows a waiting thread cannot be interrupted."""

Handler: TypeAlias = Callable[[int, FrameType | None], None]

log = structlog.get_logger()


@contextmanager
def assembled(settings: WorkerSettings, data_dir: Path, commands: Mapping[str, CommandType]) -> Iterator[Agent]:
    """A worker that keeps its credentials and its queue in `data_dir`. Raises `ConfigError`.

    The settings name a manager; `find_manager` finds one.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The folder {data_dir} cannot be made: {error.strerror}.") from error
    with ManagerClient(settings.manager_url, settings.request_timeout) as manager:
        queue = UpdateQueue(data_dir / update_queue.FILE_NAME, settings.update_queue_mb * 1024 * 1024)
        try:
            updates = Updates(
                queue,
                manager,
                settings.update_retry,
                give_up=settings.update_give_up,
                ask=manager.requested_status,
                log_hold=settings.log_hold,
            )
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


def warn_of_task_types(asked_for: Iterable[str], commands: Mapping[str, CommandType]) -> None:
    """Say so when no command here is for a type of tasks that the worker asks for: it may be misspelt."""
    known = {task_type for command in commands.values() for task_type in command.task_types}
    for task_type in asked_for:
        if task_type.strip().lower() not in known:
            meant = next(iter(get_close_matches(task_type.lower(), known)), "")
            hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(sorted(known))}"
            log.warning(f"no command here is for tasks of the type {task_type!r}; {hint}")


def program_dir() -> Path:
    """The folder of the program that was started, beside which people put a `tools` folder."""
    return Path(sys.argv[0]).resolve().parent


def find_manager(limit_s: float | None = None) -> str | None:
    """Search the network for a manager, and give its URL. Only for the main thread.

    None when a signal ended the search, or when it took longer than `limit_s` seconds. Raises `FarmError` where
    there is no network at all.
    """
    received: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        received.append(number)

    log.info("no manager is given with --manager URL; searching the network for one")
    with _signals(on_signal):
        try:
            url = ManagerSearch(_check_manager).run(lambda: bool(received), limit_s)
        except OSError as error:
            raise FarmError(
                f"The network cannot be searched for a manager: {error}; say where it is with --manager URL."
            ) from error
    if received:
        log.info("stopping", signal=signal.Signals(received[0]).name)
        return None
    return url


def _check_manager(url: str) -> None:
    """Make sure that there is a manager at `url`, and that this machine can reach it. Raises `FarmError`."""
    with ManagerClient(url, CHECK_TIMEOUT_S) as manager:
        found = manager.version()
    log.info("found a manager", manager=url, farm=found.name, version=found.version)


def report_tools() -> None:
    """Log where the usual programs are, for whoever wonders why tasks fail. They may be elsewhere."""
    for tool in ("blender", "ffmpeg"):
        log.info("looked for a program", name=tool, found=shutil.which(tool) or "not on PATH")


def run(agent: Agent, live: Callable[[], int]) -> int:
    """Call `live`, a method of `agent`, which ends by itself or by a signal. Only for the main thread.

    The agent lives in another thread, so that a command that is deep in foreign code keeps neither signals
    nor the time limit of the shutdown from working. Gives the exit code; raises what the agent raises.
    """
    ended = threading.Event()
    received: list[int] = []
    outcome: list[int] = []
    problems: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(live())
        except BaseException as error:  # raised again in the main thread
            problems.append(error)
        finally:
            ended.set()

    def on_signal(number: int, _: FrameType | None) -> None:
        # No more than this: it may interrupt a log line, or a lock being taken.
        received.append(number)

    _handle_signals(on_signal)
    threading.Thread(target=work, name="agent", daemon=True).start()
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


@contextmanager
def _signals(handler: Handler) -> Iterator[None]:
    """Have `handler` called for the signals that end a worker, until the end of the block."""
    before = _handle_signals(handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _handle_signals(handler: Handler) -> dict[int, Any]:
    """Have `handler` called for the signals that end a worker; gives what was done about them before."""
    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        # Whoever had SIGHUP ignored, as nohup does, wants the worker to outlive its terminal.
        if number and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            before[number] = signal.signal(number, handler)
    return before
