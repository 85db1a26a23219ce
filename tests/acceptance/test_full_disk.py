"""A manager whose disk is full: whoever asks is told when to come back, the log stays short, and nothing is lost."""

from __future__ import annotations

import hashlib
import os
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from flamenco.client import AssignedTask, JobRequest, ManagerClient, WorkerRegistration, WorkerSignOn
from flamenco.domain.statuses import WorkerStatus
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.test_faults import logs_of

DISK_BYTES = 32 * 1024 * 1024
IMAGE = b"\xff\xd8\xff" + bytes(100)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of few megabytes, where the manager keeps everything."""
    folder = tmp_path / "data"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*as_root, "mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run([*as_root, "umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leave no space at all."""
    with (disk / "filler").open("ab", buffering=0) as file:
        for block in (bytes(64 * 1024), bytes(4096), b"\0"):
            try:
                while file.write(block):
                    pass
            except OSError:
                pass


class Client:
    """Asks the manager over HTTP, as nobody or as the worker."""

    def __init__(self, manager: Manager) -> None:
        self.worker = ManagerClient(manager.url)
        self.id = self.worker.register_worker(WorkerRegistration("w", "linux", "a secret of enough letters", ("misc",)))
        self.worker.authenticate(self.id, "a secret of enough letters")
        self.worker.sign_on(WorkerSignOn("w", ("misc",), "test"))
        self.worker.state_changed(WorkerStatus.AWAKE)
        self._http = httpx.Client(base_url=manager.url, timeout=60)

    def close(self) -> None:
        """Close the connections."""
        self.worker.close()
        self._http.close()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask something."""
        return self._http.request(method, path, auth=(self.id, "a secret of enough letters"), **more)


def refused(client: Client, task_id: str) -> dict[str, httpx.Response]:
    """Everything that needs space, on all three surfaces, and what it is answered."""
    job = {"name": "j", "type": "echo", "priority": 50, "settings": {"message": "m", "count": 1}}
    content = bytes(200_000)
    sha = hashlib.sha256(content).hexdigest()
    worker = {
        "name": "w",
        "platform": "linux",
        "secret": "a secret of enough letters",
        "supported_task_types": ["misc"],
    }
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/jobs", {"json": job}),
        ("POST", "/api/v3/jobs", {"json": {**job, "submitter_platform": "linux"}}),
        ("POST", "/api/v3/worker/register-worker", {"json": worker}),
        ("POST", "/api/worker/register-worker", {"json": {**worker, "nickname": "w"}}),
        ("POST", "/api/v3/worker/task", {}),
        ("POST", "/api/worker/task", {}),
        ("POST", f"/api/v3/worker/task/{task_id}", {"json": {"activity": "a", "log": "x" * 9000}}),
        ("POST", f"/api/v3/worker/task/{task_id}", {"json": {"taskStatus": "completed"}}),
        ("GET", f"/api/v3/worker/task/{task_id}/may-i-run", {}),
        (
            "POST",
            f"/api/v3/worker/task/{task_id}/output-produced",
            {"content": IMAGE, "headers": {"Content-Type": "image/jpeg"}},
        ),
        ("POST", "/api/x/worker/commands", {"json": {"commands": ["echo"]}}),
        (
            "POST",
            f"/api/v3/shaman/files/{sha}/{len(content)}",
            {"content": content, "headers": {"Content-Type": "application/octet-stream"}},
        ),
        ("POST", "/api/v3/worker-mgt/tags", {"json": {"name": str(uuid.uuid4())}}),
    ]
    return {f"{method} {path}": client.ask(method, path, **more) for method, path, more in asked}


def waiting_chores(manager: Manager) -> Counter[str]:
    """How often the log says of each chore that it has to wait."""
    lines = [line for line in manager.log.splitlines() if "a chore has to wait" in line]
    return Counter(word for line in lines for word in line.split() if word.startswith("chore="))


def test_a_full_disk(tmp_path: Path, disk: Path) -> None:
    """What needs space is 503 with Retry-After, what needs none is answered, and once there is some all goes on."""
    storage = ("--set", f"shared_storage_path={disk / 'shared'}")
    with running_manager(tmp_path, "--processes", "1", *storage) as manager, closing(Client(manager)) as client:
        client.worker.submit_job(JobRequest(name="job", type="echo", settings={"message": "m"}))
        assigned = client.worker.next_task()
        assert isinstance(assigned, AssignedTask)
        fill(disk)
        answers = refused(client, assigned.uuid)
        found = {asked: (each.status_code, each.headers.get("Retry-After")) for asked, each in answers.items()}
        assert set(found.values()) == {(503, "5")}, found
        assert all("No space left" in each.text or "full" in each.text for each in answers.values())
        assert client.ask("GET", "/api/x/overview").status_code == 200
        assert client.ask("GET", "/api/v3/worker/state").status_code == 204  # of whom something was heard just now
        assert client.ask("GET", "/api/v3/jobs").status_code == 200
        assert wait_until(lambda: len(waiting_chores(manager)) > 1)
        for _ in range(3):
            refused(client, assigned.uuid)
        (disk / "filler").unlink()
        update = {"taskStatus": "completed", "log": "the end"}
        assert client.ask("POST", f"/api/v3/worker/task/{assigned.uuid}", json=update).status_code == 204
        assert "the end" in logs_of(manager)[assigned.uuid]
        assert set(waiting_chores(manager).values()) == {1}
        assert "Traceback" not in manager.log
        assert manager.log.count("what the farm keeps cannot be used") <= 2
