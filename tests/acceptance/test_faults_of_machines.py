"""What befalls the machine of a manager while dozens of workers work for it, each time with an audit afterwards."""

from __future__ import annotations

import os
import resource
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from flamenco.client import ManagerClient, WorkerRegistration
from flamenco.demo.processes import children_of
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.simulating import (
    FARM,
    NEVER,
    WORKER_TIMEOUT_S,
    audit,
    noticed,
    processes_of,
    simulating,
    with_limit,
)
from tests.acceptance.test_clock_steps import movable_clock
from tests.acceptance.test_full_disk import disk, fill

__all__ = ["disk"]


@pytest.mark.long
@pytest.mark.parametrize("which", ["all", "one that serves"])
def test_stopped_processes(tmp_path: Path, which: str) -> None:
    """For half a minute, in which nobody knows whether they will ever go on; then they do."""
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path)) as manager,
        simulating(manager.url, tasks=300) as running,
    ):
        running.wait_for(40)
        chosen = processes_of(manager) if which == "all" else sorted(children_of(manager.process.pid))[:1]
        for pid in chosen:
            os.kill(pid, signal.SIGSTOP)
        NEVER.wait(30)
        for pid in chosen:
            os.kill(pid, signal.SIGCONT)
        assert noticed(audit(running, manager)) & {"no answer in time", "503"}


def lowest_that_is_free(pid: int) -> int:
    """The number that the next file would get which a process opens; 8 at least."""
    taken = {int(file.name) for file in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in count(8) if number not in taken)


@pytest.mark.long
def test_no_more_files_can_be_opened(tmp_path: Path) -> None:
    """For longer than it takes to be given up: no connection, no log, no database file more than there are."""
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path)) as manager,
        simulating(manager.url) as running,
    ):
        running.wait_for(40)
        processes = processes_of(manager)
        usual = resource.prlimit(processes[0], resource.RLIMIT_NOFILE)
        ends = time.monotonic() + WORKER_TIMEOUT_S + 2
        while time.monotonic() < ends:
            # Again and again: some of those that were open at first are closed, and leave room for others.
            for pid in processes:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_that_is_free(pid), usual[1]))
            NEVER.wait(0.05)
        for pid in processes:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
        assert noticed(audit(running, manager))
        assert manager.log.count("\n") < 4000


@pytest.mark.long
def test_the_disk_is_full(tmp_path: Path, disk: Path) -> None:
    """For longer than it takes to be given up: nothing can be written, no log and no row."""
    storage = ("--set", f"shared_storage_path={disk / 'shared'}")
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path), *storage) as manager,
        simulating(manager.url) as running,
    ):
        running.wait_for(40)
        fill(disk)
        NEVER.wait(WORKER_TIMEOUT_S + 2)
        (disk / "filler").unlink()
        assert noticed(audit(running, manager)) & {"503"}


@pytest.mark.long
def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """Two hours ahead, and back, and two hours more: nobody is given up for that."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    environ = {"LD_PRELOAD": str(movable_clock(tmp_path)), "CLOCK_OFFSET_FILE": str(offset)}
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path), environ=environ) as manager,
        simulating(manager.url) as running,
    ):
        for seconds in (7200, 0, -7200):
            running.wait_for(50)
            offset.write_text(str(seconds))
            assert wait_until(partial(is_ahead, manager, seconds))
        audit(running, manager)
        assert "worker timed out" not in manager.log


def is_ahead(manager: Manager, seconds: int) -> bool:
    """Whether the manager's clock is ahead by that much, going by when it last heard of one of its workers."""
    with ManagerClient(manager.url) as client:
        moments = [worker.last_seen for worker in client.workers.all() if worker.last_seen]
    return abs((moments[0] - datetime.now(UTC)).total_seconds() - seconds) < 60


REGISTRATIONS = 10_000


@pytest.mark.long
def test_ten_thousand_registrations(tmp_path: Path) -> None:
    """All are taken in, and workers that work meanwhile hardly wait for it."""
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path)) as manager,
        simulating(manager.url, tasks=600) as running,
    ):
        running.wait_for(10)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda part: register(manager.url, part), [REGISTRATIONS // 8] * 8))
        with ManagerClient(manager.url, timeout_s=60) as client:
            assert len(client.workers.all()) == REGISTRATIONS + FARM.workers
        report = audit(running, manager)
        assert report.errors == {}


def register(url: str, count: int) -> None:
    """Become so many workers."""
    with ManagerClient(url, timeout_s=60) as client:
        for _ in range(count):
            client.register_worker(WorkerRegistration("w", "linux", "a secret of enough letters", ("misc",)))
