"""Workers for tests: a real agent in a thread, quick enough not to be waited for, and what it leaves behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from flamenco import CommandType
from flamenco.domain.durations import Duration
from flamenco.worker import bootstrap
from flamenco.worker.worker_settings import WorkerSettings
from tests.integration.scripted_manager import PATIENCE_S, ScriptedManager
from tests.unit.commanding import builtin_commands

QUICK = WorkerSettings(
    worker_name="quick",
    poll_start=Duration(0.01),
    poll_after_task=Duration(0.01),
    poll_no_task=Duration(0.02),
    poll_error=Duration(0.05),
    poll_asleep=Duration(0.02),
    may_i_run=Duration(0.05),
    sign_on_retry=Duration(0.02),
    update_retry=Duration(0.05),
    log_chunk=Duration(0.05),
)
"""Settings with which nothing is waited for."""


class Running:
    """A worker at work. Use it in a `with` block, at whose end it is told to stop and waited for."""

    def __init__(
        self, manager: ScriptedManager, folder: Path, commands: Mapping[str, CommandType] | None = None, **settings: Any
    ) -> None:
        self.folder = folder
        self.exit_code: int | None = None
        self.error: BaseException | None = None
        self._settings = replace(QUICK, manager_url=manager.url, **settings)
        self._commands = {**builtin_commands(), **(commands or {})}
        self._made = threading.Event()
        self._agent: Any = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._made.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Tell the worker to stop, and wait until it has."""
        if self._agent:
            self._agent.stop()
        self.wait()

    def wait(self) -> None:
        """Wait until the worker has ended by itself."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the worker does not end"
        if self.error:
            raise self.error

    def _run(self) -> None:
        try:
            with bootstrap.assembled(self._settings, self.folder, self._commands) as self._agent:
                self._made.set()
                self.exit_code = self._agent.run()
        except BaseException as error:
            self.error = error
        finally:
            self._made.set()


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended; one that nobody has asked about yet has ended."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until_ended(pids: Iterable[int]) -> None:
    """Wait until none of the processes is there any more."""
    pids = tuple(pids)
    waiting = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if not any(is_running(pid) for pid in pids):
            return
        waiting.wait(0.02)
    raise AssertionError(f"still running: {[pid for pid in pids if is_running(pid)]}")


FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print("family", os.getpid(), child.pid, flush=True)
time.sleep(1000)
"""
"""A program that has a child, says both their process ids, and then does nothing for long."""


def family_in(log: str) -> tuple[int, ...]:
    """The process ids that the program has written to the log; none as long as it has not."""
    for line in log.splitlines():
        if "> family " in line:
            return tuple(int(word) for word in line.split()[-2:])
    return ()
