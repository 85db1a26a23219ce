"""Self-tests with a real Blender and a real FFmpeg: by workers of ours, and by ones that have no such command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from flamenco.client import ManagerClient
from flamenco.demo.tools import find_blender, find_ffmpeg
from flamenco.domain.statuses import JobStatus, TaskStatus
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers, summary
from tests.acceptance.test_previews_for_real import flamenco
from tests.acceptance.test_time_limits import ExistingWorker, log_of

LONG_S: Final = 120.0
PROGRAM_S: Final = 120.0

Running = tuple[ManagerClient, str, ExistingWorker]


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Manager]:
    """A manager with a storage, which knows the programs that are on this machine."""
    search = find_blender(None, os.environ)
    assert search.blender, search.problem
    if search.blender.program == sys.executable:
        pytest.fail("worker-check calls {blender} without {blenderArgs}, so that it takes a Blender, and no wheel")
    values = {"blender": search.blender.program, "blenderArgs": search.blender.arguments}
    values["ffmpeg"] = str(find_ffmpeg(os.environ))
    (tmp_path / "farm").mkdir()
    (tmp_path / "farm" / "shot.blend").write_bytes(b"looked for, and not opened")
    told = {name: {"values": [{"platform": "all", "value": value}]} for name, value in values.items()}
    settings = {"shared_storage_path": str(tmp_path / "farm"), "variables": told}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "flamenco-manager.yaml").write_text(json.dumps(settings))  # which is YAML as well
    with running_manager(tmp_path, "--processes", "2") as manager:
        yield manager


def run_task(worker: ExistingWorker) -> str:
    """Do a task as existing workers do, with each program's lines in the log, and its exit code in words; its name."""
    answer = worker.ask("POST", "/task")
    if answer.status_code == httpx.codes.NO_CONTENT:
        return ""
    task: dict[str, Any] = answer.json()
    tell = f"/task/{task['uuid']}"
    worker.ask("POST", tell, {"taskStatus": "active", "activity": "Running"})
    for command in task["commands"]:
        assert command["name"] == "exec", "which existing workers have"
        problem, log = run(command["parameters"]["exe"], command["parameters"]["args"])
        worker.ask("POST", tell, {"log": log})
        if problem:
            worker.ask("POST", tell, {"taskStatus": "failed", "activity": f"Failed: {problem}"})
            return str(task["name"])
    assert worker.ask("POST", tell, {"taskStatus": "completed", "activity": "Completed"}).status_code == 204
    return str(task["name"])


def run(exe: str, args: list[str]) -> tuple[str, str]:
    """Run a program: what went wrong, and what it has said."""
    try:
        done = subprocess.run(
            [exe, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROGRAM_S, check=False
        )
    except OSError as error:
        return f"error starting: {error}", ""
    said = "".join(f"> {line}\n" for line in (done.stdout + done.stderr).splitlines())
    return f"command exited abnormally with code {done.returncode}" if done.returncode else "", said


def check(manager: Manager, *more: str) -> str:
    """Submit what the manual has for a worker that cannot test itself, with a tag that it alone has; the job's id."""
    return flamenco(
        manager.url, *("submit", "worker-check", "--name", "Check", "--tag", "only-existing"), *more
    ).splitlines()[0]


@pytest.fixture
def existing(farm: Manager) -> ExistingWorker:
    """One that has a tag of its own."""
    worker = ExistingWorker(farm.url)
    flamenco(farm.url, "tags", "create", "only-existing")
    flamenco(farm.url, "tags", "assign", "only-existing", "--worker", "existing")
    return worker


@pytest.mark.long
def test_an_existing_worker_is_checked(tmp_path: Path, farm: Manager, existing: ExistingWorker) -> None:
    """It starts Blender and FFmpeg, and Blender's Python writes to the storage, of which nothing stays."""
    storage = tmp_path / "farm"
    job = check(farm, "--set", f"folder={storage}", "--set", f"reference={storage / 'shot.blend'}")
    assert {run_task(existing) for _ in range(3)} == {"blender", "storage", "ffmpeg"}
    assert summary(farm.url, job).status is JobStatus.COMPLETED
    with ManagerClient(farm.url) as client:
        logs = {task.name: log_of(client, task.id) for task in client.jobs.tasks(job)}
    assert re.search(r"^> Blender \d+\.\d+", logs["blender"], re.MULTILINE)
    assert re.search(r"^> ffmpeg version ", logs["ffmpeg"], re.MULTILINE)
    assert f"> looking at {storage}\n> entries: 1\n> written, renamed, read and deleted\n" in logs["storage"]
    assert [path.name for path in storage.iterdir()] == ["shot.blend"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("folder", "reference", "says"),
    [
        ("farm", "other.blend", "RuntimeError: NOT THE SAME STORAGE: {0}/farm/other.blend is not there"),
        ("gone", "", "FileNotFoundError: [Errno 2] No such file or directory: '{0}/gone'"),
        ("/proc", "", "/proc/.flamenco-self-test-"),
    ],
)
def test_what_an_existing_worker_has_not(
    tmp_path: Path, farm: Manager, existing: ExistingWorker, folder: str, reference: str, says: str
) -> None:
    """The task fails, and its log says what is wrong."""
    more = ["--set", f"reference={tmp_path / 'farm' / reference}"] if reference else []
    job = check(farm, "--set", f"folder={tmp_path / folder}", "--set", "has_ffmpeg=false", *more)
    assert [run_task(existing), run_task(existing)] == ["blender", "storage"]
    with ManagerClient(farm.url) as client:
        (failed,) = [task for task in client.jobs.tasks(job) if task.name == "storage"]
        assert failed.status in (TaskStatus.SOFT_FAILED, TaskStatus.FAILED)
        assert says.format(tmp_path) in log_of(client, failed.id)


@pytest.mark.long
def test_a_worker_of_ours_tests_itself(tmp_path: Path, farm: Manager) -> None:
    """At sign-on it sees the programs, and starts them when somebody asks, as the manual says."""
    with ManagerClient(farm.url) as client, running_workers(tmp_path, farm.url, 1):
        assert wait_until(lambda: len(client.workers.all()) == 1, START_TIMEOUT_S)
        (worker,) = client.workers.all()
        assert wait_until(lambda: client.self_tests.of_worker(worker.id).last is not None, START_TIMEOUT_S)
        shown = flamenco(farm.url, "self-test", "w0", "--last")
        assert shown.startswith("w0: all is well\n"), shown
        assert "Blender is there" in shown
        said = flamenco(farm.url, "self-test", "w0")
        assert re.search(r"Blender \d+\.\d+\S* starts", said), said
        assert re.search(r"ffmpeg version \S+", said), said
    assert [path.name for path in (tmp_path / "farm").iterdir()] == ["shot.blend"]
