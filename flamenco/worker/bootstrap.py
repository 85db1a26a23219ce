"""Puts a worker together from its settings, having found it a manager, and says what it will miss on this machine."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import structlog

from flamenco.client import ManagerClient
from flamenco.config import private
from flamenco.discovery.search import ManagerSearch
from flamenco.domain.errors import ConfigError, FarmError
from flamenco.domain.variables import this_platform
from flamenco.hooks.types import CommandType
from flamenco.worker import credentials, run_as, signals, update_queue
from flamenco.worker.agent import Agent
from flamenco.worker.registration import Identity, Registration
from flamenco.worker.self_test.runner import as_user_of, as_worker
from flamenco.worker.self_test.self_test import SelfTest
from flamenco.worker.task_process import TaskProcess
from flamenco.worker.task_run import TaskRunner
from flamenco.worker.update_queue import UpdateQueue
from flamenco.worker.updates import Updates
from flamenco.worker.upload import OutputUploads
from flamenco.worker.worker_settings import WorkerSettings

CHECK_TIMEOUT_S: Final = 5.0
"""How long a manager that was found may take to say who it is; it may have addresses that lead nowhere from here."""

log = structlog.get_logger()


@contextmanager
def assembled(settings: WorkerSettings, data_dir: Path, commands: Mapping[str, CommandType]) -> Iterator[Agent]:
    """A worker that keeps its credentials and its queue in `data_dir`. Raises `ConfigError`.

    The settings name a manager; `find_manager` finds one.
    """
    try:
        private.make_folder(data_dir)
    except OSError as error:
        raise ConfigError(f"The folder {data_dir} cannot be made: {error.strerror}.") from error
    process = task_process(settings, data_dir)
    with ManagerClient(settings.manager_url, settings.request_timeout, token="", ca_file=settings.ca_file) as manager:
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
                variables=variables(),
                process=process,
            )
            file = data_dir / credentials.FILE_NAME
            registration = Registration(manager, identity(settings, commands), file, settings.sign_on_retry)
            yield Agent(
                manager=manager,
                registration=registration,
                updates=updates,
                uploads=uploads,
                tasks=tasks,
                self_test=self_test_of(manager, commands, process),
                settings=settings,
            )
        finally:
            queue.close()


def variables() -> dict[str, str]:
    """What commands know of this worker."""
    return {"worker_dir": str(program_dir())}


def self_test_of(manager: ManagerClient, commands: Mapping[str, CommandType], process: TaskProcess | None) -> SelfTest:
    """What tries this worker out, as the user that tasks run as."""
    return SelfTest(manager, commands, variables(), as_user_of(process) if process else as_worker)


def task_process(settings: WorkerSettings, data_dir: Path) -> TaskProcess | None:
    """What runs tasks as another user, tried out; None when they run as the worker's. Raises `ConfigError`."""
    if not settings.run_as:
        return None
    user = run_as.task_user(settings.run_as)
    own = [data_dir, data_dir / credentials.FILE_NAME, data_dir / update_queue.FILE_NAME]
    programs = [Path(__file__), Path(sys.prefix), Path(sys.executable)]
    run_as.check_out_of_reach(user, [*own, *programs])
    process = TaskProcess(user, settings)
    process.try_out()
    log.info("tasks run as another user", user=user.name)
    return process


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
    with signals.received() as received:
        log.info("no manager is given with --manager URL; searching the network for one")
        try:
            url = ManagerSearch(_check_manager).run(lambda: bool(received), limit_s)
        except OSError as error:
            raise FarmError(
                f"The network cannot be searched for a manager: {error}; say where it is with --manager URL."
            ) from error
    if received:
        signals.report(received[0])
        return None
    return url


def _check_manager(url: str) -> None:
    """Make sure that there is a manager at `url`, and that this machine can reach it. Raises `FarmError`."""
    with ManagerClient(url, CHECK_TIMEOUT_S, token="") as manager:
        found = manager.version()
    log.info("found a manager", manager=url, farm=found.name, version=found.version)


def report_tools() -> None:
    """Log where the usual programs are, for whoever wonders why tasks fail. They may be elsewhere."""
    for tool in ("blender", "ffmpeg"):
        log.info("looked for a program", name=tool, found=shutil.which(tool) or "not on PATH")
