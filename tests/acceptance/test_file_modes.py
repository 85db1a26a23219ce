"""A manager and a worker as they are usually started: what is theirs only they can read, what is shared everybody."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from flamenco.config import Config
from flamenco.files.images import LastRendered
from flamenco.files.own_folders import make
from flamenco.store.engine import Store
from flamenco.store.upgrade import backup
from tests.acceptance.conftest import STOP_TIMEOUT_S, Manager, await_manager, launch, wait_until
from tests.acceptance.shaman_clients import API, Client, GeneratedFile
from tests.acceptance.test_faults import logs_of

SETTINGS = "flamenco-manager.yaml"
JOB = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(params=[0o000, pytest.param(0o022, marks=pytest.mark.long)], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask that programs are started with."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def manager(umask: int, tmp_path: Path) -> Iterator[Manager]:
    """A manager that found nothing where it keeps its data."""
    assert umask is not None
    process = launch(tmp_path / "data", tmp_path / "manager.log", "--processes", "1")
    yield await_manager(process, tmp_path / "data", tmp_path / "manager.log")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)


def mode(path: Path) -> int:
    """What the user, the group and others may do."""
    return stat.S_IMODE(path.lstat().st_mode)


def below(folder: Path) -> Iterator[Path]:
    """All files and folders, but for links, whose modes say nothing."""
    return (path for path in folder.rglob("*") if not path.is_symlink())


def use(manager: Manager, folder: Path) -> None:
    """Have a job run, files of another taken in, and the configuration changed."""
    job = {"name": "job", "type": "echo-sleep-test", "submitter_platform": "linux", "priority": 50}
    settings = {"message": "secret", "sleep_duration_seconds": 0}
    httpx.post(f"{manager.url}/api/v3/jobs", json={**job, "settings": settings}).raise_for_status()
    worker = subprocess.Popen(
        [sys.executable, "-m", "flamenco", "worker", "--manager", manager.url, "--data-dir", folder, "--poll-start=0s"],
        cwd=folder.parent,
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(lambda: any("secret" in text for text in logs_of(manager).values()), 30)
    worker.terminate()
    worker.wait(STOP_TIMEOUT_S)
    file = GeneratedFile(1, 1000)
    Client(manager.url, [file], 1).submit()
    checkout = {"files": [file.specification], "checkoutPath": "studio/shot"}
    httpx.post(f"{manager.url}{API}/checkout/create", json=checkout).raise_for_status()
    written = httpx.get(f"{manager.url}/api/v3/configuration/file").json()
    httpx.put(
        f"{manager.url}/api/v3/configuration/file", json={**written, "manager_name": "another"}
    ).raise_for_status()


def test_modes(manager: Manager, umask: int, tmp_path: Path) -> None:
    """Database, logs, configuration and queue are their user's alone; store and checkouts are as the umask has it.

    So workers of other users can use the shared storage, and get to it, also where it lies in the data directory.
    """
    data, worker = manager.data_dir, tmp_path / "worker"
    use(manager, worker)
    with closing(Store(f"sqlite:///{data / 'flamenco-manager.sqlite'}")) as store:
        backup(store, data / "copy.sqlite")
    assert mode(data) == 0o711 & ~umask
    assert mode(data / "storage") == mode(worker) == 0o700
    own = [path for path in (*below(data), *below(worker)) if data / "shared" not in (path, *path.parents)]
    assert {path.name for path in own} >= {"flamenco-manager.sqlite", "flamenco-worker.sqlite", "copy.sqlite", SETTINGS}
    assert {path: oct(mode(path)) for path in own if path.is_file() and mode(path) != 0o600} == {}
    assert any(path.name.startswith("task-") for path in own)
    shared = list(below(data / "shared"))
    assert any(path.suffix == ".blob" for path in shared)
    assert any(path.parent.name == "jobs" for path in shared)
    assert {mode(path) for path in shared if path.is_dir()} == {0o777 & ~umask}
    assert {mode(path) for path in shared if path.is_file()} == {0o666 & ~umask}


def test_images(umask: int, tmp_path: Path) -> None:
    """What was rendered is shown by the manager alone."""
    assert umask is not None
    LastRendered(tmp_path).store(JOB, [b"large", b"small", b"tiny"])
    assert {mode(path) for path in below(tmp_path) if path.is_file()} == {0o600}


def test_storage_elsewhere(umask: int, tmp_path: Path) -> None:
    """Where the shared storage is elsewhere, nobody else gets into the data directory."""
    assert umask is not None
    make(replace(Config(data_dir=tmp_path / "data"), shared_storage_path=str(tmp_path / "shared")))
    assert mode(tmp_path / "data") == mode(tmp_path / "data" / "storage") == 0o700
