"""What befalls managers while dozens of workers work for them, each time with the audit of `simulating` afterwards."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psutil
import pytest

from flamenco.client import JobRequest, ManagerClient, ManagerError, ManagerUnreachable
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import STOP_TIMEOUT_S, Manager, is_alive, running_manager, wait_until
from tests.acceptance.simulating import FARM, NEVER, audit, noticed, processes_of, simulating, with_limit

KILLS = 4


def restarted(folder: Path, killed: Manager, *arguments: str) -> AbstractContextManager[Manager]:
    """The manager that was killed, started again where its workers look for it."""
    assert wait_until(lambda: not is_alive(killed.process.pid))
    return running_manager(folder, *arguments, listen=killed.url.removeprefix("http://"))


def kill(manager: Manager) -> None:
    """kill -9, all of it."""
    os.killpg(manager.process.pid, signal.SIGKILL)
    manager.process.wait(STOP_TIMEOUT_S)


@pytest.mark.long
def test_all_managers_are_killed(database_url: str, tmp_path: Path) -> None:
    """With kill -9, again and again, at moments of all kinds."""
    dice = random.Random(15)  # noqa: S311 - the moments are to be arbitrary, not secret
    arguments = ("--processes", "2", "--database", database_url, *with_limit(tmp_path))
    with ExitStack() as stack:
        manager = stack.enter_context(running_manager(tmp_path, *arguments))
        running = stack.enter_context(simulating(manager.url))
        for _ in range(KILLS):
            running.wait_for(dice.randrange(10, 60))
            kill(manager)
            manager = stack.enter_context(restarted(tmp_path, manager, *arguments))
        assert noticed(audit(running, manager, database_url=database_url)) >= {"nobody listens", "the connection broke"}


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_of_two_managers_is_killed(database_url: str, tmp_path: Path) -> None:
    """The workers of the other one go on, and its own come back to it when it does."""
    storage = ("--set", f"local_manager_storage_path={tmp_path / 'storage'}")
    arguments = ("--processes", "1", "--database", database_url, *with_limit(tmp_path), *storage)
    with ExitStack() as stack:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        one, two = (stack.enter_context(running_manager(tmp_path / name, *arguments)) for name in ("one", "two"))
        running = stack.enter_context(simulating(one.url, two.url))
        for _ in range(2):
            running.wait_for(40)
            kill(two)
            running.wait_for(40)
            two = stack.enter_context(restarted(tmp_path / "two", two, *arguments))
        one.data_dir, kept = tmp_path / "storage", one.data_dir
        audit(running, one, database_url=database_url)
        one.data_dir = kept


@pytest.mark.long
def test_half_of_the_workers_are_gone(tmp_path: Path) -> None:
    """All at once, in the middle of their tasks: the others do these as well."""
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path)) as manager,
        simulating(manager.url, vanish_rate=0.5, vanish_after_s=3.0) as running,
    ):
        report = audit(running, manager)
        assert report.crashes == FARM.workers // 2


MORE_JOBS, HELPER_KILLS, OWNER_KILLS = 60, 20, 4


@pytest.mark.long
def test_the_helper_is_killed(tmp_path: Path) -> None:
    """Again and again, while jobs are compiled: these are whole or refused, and workers go on with others."""
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path)) as manager,
        simulating(manager.url) as running,
        ThreadPoolExecutor() as pool,
    ):
        running.wait_for(10)
        submissions = pool.submit(submit_many, manager.url)
        killed = 0
        while killed < HELPER_KILLS and not submissions.done():
            helpers = helpers_of(manager)
            for pid in helpers:
                os.kill(pid, signal.SIGKILL)
            killed += len(helpers)
            NEVER.wait(0.1)
        answers = submissions.result()
        assert killed > 3
        assert answers.keys() <= {"ok", "503", "crashed"}
        with ManagerClient(manager.url) as client:
            more = [job for job in client.jobs.all() if job.name == "more"]
            assert [len(client.jobs.tasks(job.id)) for job in more] == [201] * answers["ok"]
            assert answers["ok"] > 0
        audit(running, manager)


def submit_many(url: str) -> Counter[str]:
    """Submit jobs that nobody is given; what came of each."""
    answers = Counter[str]()
    settings = {"message": "m", "sleep_repeats": 200}
    request = JobRequest(name="more", type="echo-sleep-test", settings=settings, initial_status=JobStatus.PAUSED)
    with ManagerClient(url, timeout_s=60) as client:
        for _ in range(MORE_JOBS):
            try:
                client.submit_job(request)
            except ManagerUnreachable:
                answers["unreachable"] += 1
            except ManagerError as error:
                answers["crashed" if "crashed" in str(error) else str(error.status)] += 1
            else:
                answers["ok"] += 1
    return answers


@pytest.mark.long
def test_the_process_with_the_helper_is_killed(tmp_path: Path) -> None:
    """Again and again: others have one at once, each is whole that was stored, and there is one helper for all."""
    with (
        running_manager(tmp_path, "--processes", "2", *with_limit(tmp_path)) as manager,
        simulating(manager.url) as running,
        ThreadPoolExecutor() as pool,
    ):
        assert wait_until(lambda: len(helpers_of(manager)) == 1)  # before any job was submitted
        running.wait_for(10)
        submissions = pool.submit(submit_many, manager.url)
        for _ in range(OWNER_KILLS):
            helper = helpers_of(manager)[0]
            os.kill(psutil.Process(helper).ppid(), signal.SIGKILL)
            assert wait_until(lambda gone=helper: gone not in helpers_of(manager))  # type: ignore[misc]
            assert wait_until(lambda: len(helpers_of(manager)) == 1)
        answers = submissions.result()
        assert answers["ok"] > 0
        with ManagerClient(manager.url) as client:
            more = [job for job in client.jobs.all() if job.name == "more"]
            assert len(more) >= answers["ok"]
            assert {len(client.jobs.tasks(job.id)) for job in more} == {201}
        audit(running, manager)


def helpers_of(manager: Manager) -> list[int]:
    """The processes that run scripts for this manager."""
    return [pid for pid in processes_of(manager) if is_helper(pid)]


def is_helper(pid: int) -> bool:
    """Whether that process runs scripts of job types."""
    try:
        return b"flamenco.compiler.helper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
