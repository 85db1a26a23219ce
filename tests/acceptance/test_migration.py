"""A farm of Flamenco 3 goes on with a real manager of ours: its workers say who they are as ever, and get its tasks."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from flamenco.domain.access import hash_of
from flamenco.domain.statuses import JobStatus
from flamenco.store import workers
from flamenco.store.engine import Store
from flamenco.worker.credentials import FILE_NAME
from tests import length
from tests.acceptance.conftest import START_TIMEOUT_S, running_manager, wait_until
from tests.acceptance.test_faults import running_workers, summary
from tests.docs.test_examples import lines_for_a_shell
from tests.integration.old_farms import MAKERS, SECRETS, generated, identity, rows


def migrate(old: Path, data_dir: Path, *more: str) -> str:
    """What the command says that somebody types."""
    command = [sys.executable, "-m", "flamenco", "migrate", str(old), "--data-dir", str(data_dir), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=data_dir.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _secret_hash(data_dir: Path, worker: str) -> str:
    with closing(Store(f"sqlite:///{data_dir}/flamenco-manager.sqlite")) as store, store.read() as tx:
        found = workers.find_with_secret(tx, worker)
    assert found
    return found[1]


def _is_done(url: str, job: str) -> bool:
    return summary(url, job).status is JobStatus.COMPLETED


class OldWorker:
    """A worker of Flamenco 3 that has its credentials already."""

    def __init__(self, url: str, worker: str, secret: str) -> None:
        self._url = f"{url}/api/v3/worker"
        self._auth = (worker, secret)

    def ask(self, path: str, body: object = None) -> httpx.Response:
        """What the manager answers."""
        given: dict[str, Any] = {} if body is None else {"json": body}
        return httpx.post(f"{self._url}/{path}", auth=self._auth, timeout=30, **given)

    def sign_on(self) -> int:
        """Say that it is there, as at every start; gives the status of the answer."""
        about = {"name": "render-01", "supported_task_types": ["blender", "misc"], "software_version": "3.9"}
        return self.ask("sign-on", about).status_code


@pytest.mark.parametrize("make", length.every(2, MAKERS), ids=lambda each: each.__name__)
def test_workers_go_on(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """With the old secret one signs on and gets a task of the active job; a wrong one opens nothing."""
    old, data = make(tmp_path / "old"), tmp_path / "data"
    migrate(old, data, "--yes")
    (first,) = rows(old, "SELECT uuid FROM workers WHERE id = 1")
    assert _secret_hash(data, first["uuid"]).startswith("$2a$")
    with running_manager(tmp_path, "--processes", "2") as manager:
        assert OldWorker(manager.url, first["uuid"], SECRETS[1]).sign_on() in (401, 403)
        worker = OldWorker(manager.url, first["uuid"], SECRETS[0])
        assert worker.sign_on() == 200
        assert _secret_hash(data, first["uuid"]) == hash_of(SECRETS[0])
        assert worker.sign_on() == 200
        assert worker.ask("state-changed", {"status": "awake"}).status_code == 204
        task = worker.ask("task").json()
        (job,) = rows(old, "SELECT * FROM jobs WHERE uuid = ?", task["job"])
        assert job["status"] == "active"
        assert task["status"] == "active"
        assert worker.ask(f"task/{task['uuid']}", {"taskStatus": "completed", "log": "Fra:1"}).status_code == 204
        log = httpx.get(f"{manager.url}/api/v3/tasks/{task['uuid']}/logtail", timeout=30).text
        assert "Fra:1" in log
        jobs = httpx.get(f"{manager.url}/api/x/jobs", timeout=30).json()["jobs"]
        assert {each["id"] for each in jobs} == {each["uuid"] for each in rows(old, "SELECT uuid FROM jobs")}
    assert "Traceback" not in manager.log


@pytest.mark.long
def test_our_own_worker_with_the_old_credentials(tmp_path: Path) -> None:
    """It uses the file of Flamenco's worker, is that worker, and renders what was left of the jobs."""
    old, data = generated(tmp_path / "old"), tmp_path / "data"
    migrate(old, data, "--yes")
    folder = tmp_path / "worker-0"
    folder.mkdir(mode=0o700)
    file = folder / FILE_NAME
    file.touch(mode=0o600)
    file.write_text(f"worker_id: {identity('worker', 0)}\nworker_secret: {SECRETS[0]}\n")
    with running_manager(tmp_path) as manager, running_workers(tmp_path, manager.url, 1):
        for number in (2, 5):
            is_done = partial(_is_done, manager.url, identity("job", number))
            assert wait_until(is_done, START_TIMEOUT_S)
        found = httpx.get(f"{manager.url}/api/v3/worker-mgt/workers", timeout=30).json()["workers"]
        assert len(found) == 3
        log = httpx.get(f"{manager.url}/api/v3/tasks/{identity('task-2', 3)}/logtail", timeout=30).text
        assert "hi 3" in log


@pytest.mark.long
def test_what_the_manual_has_one_type(tmp_path: Path) -> None:
    """The commands that bring it over, with folders that there are."""
    old, data = generated(tmp_path / "old"), tmp_path / "data"
    typed = [line for line in lines_for_a_shell("docs/from-flamenco.md") if line.startswith("flamenco migrate")]
    assert len(typed) == 2
    for line in typed:
        words = shlex.split(line.replace("/opt/flamenco-3.9", str(old)).replace("/srv/flamenco", str(data)))
        done = subprocess.run(
            [sys.executable, "-m", *words], input="y\n", capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
    assert "5 jobs and 3 workers came over" in done.stdout
