"""The HTTP client: what it makes of answers, good and bad, on a real socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco.client import JobRequest, ManagerClient, ManagerError, ManagerUnreachable
from flamenco.domain.errors import FarmError
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from tests.integration.scripted_manager import Answer, ScriptedManager

JOB = {
    "id": "0f1f6a52-0c0a-4ae2-a36e-2a5a8e3e0c8d",
    "name": "3Д",
    "type": "simple-blender-render",
    "priority": 70,
    "status": "requeued",
    "created": "2026-01-02T03:04:05Z",
    "updated": "2026-01-02T03:04:05Z",
    "settings": {"frames": "1-3"},
    "metadata": {"project": "x"},
}
TASK = {
    "uuid": "5b3c54a5-9f1b-4c5d-8b3f-3f2a3a9a5f0e",
    "job": JOB["id"],
    "name": "render",
    "status": "active",
    "priority": 50,
    "job_priority": 70,
    "job_type": "t",
    "task_type": "blender",
}


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


@pytest.fixture
def client(manager: ScriptedManager) -> Iterator[ManagerClient]:
    """A client of that manager."""
    with ManagerClient(manager.url) as opened:
        yield opened


@pytest.mark.parametrize("is_named", [True, False])
def test_the_token_of_the_environment(
    manager: ScriptedManager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_named: bool
) -> None:
    """It is sent to the manager that is named with it; whoever is refused by another one reads why."""
    monkeypatch.setenv("FLAMENCO_HOME", str(tmp_path))
    monkeypatch.setenv("FLAMENCO_TOKEN", "a token")
    monkeypatch.setenv("FLAMENCO_MANAGER", manager.url if is_named else "http://farm:8080")
    manager.answer_once("GET", "/version", Answer(401, {"message": "Who are you?"}))
    with ManagerClient(f"{manager.url}/") as client, pytest.raises(ManagerError, match=r"^Who are you\?") as refused:
        client.version()
    sent = manager.requests[-1].headers.get("Authorization")
    assert sent == ("Bearer a token" if is_named else None)
    assert ("FLAMENCO_TOKEN was not sent" in str(refused.value)) is not is_named


def test_version(client: ManagerClient, manager: ScriptedManager) -> None:
    """A manager says who it is."""
    body = {"version": "1.2 (abc)", "shortversion": "1.2", "name": "our farm", "git": "abc"}
    manager.answer_once("GET", "/version", Answer(200, body))
    version = client.version()
    assert (version.version, version.name, version.shortversion) == ("1.2 (abc)", "our farm", "1.2")


def test_submit_a_job(client: ManagerClient, manager: ScriptedManager) -> None:
    """A job is sent in the words of the original API, with its default priority."""
    manager.answer_once("POST", "/api/jobs", Answer(200, JOB))
    job = client.submit_job(JobRequest(name="3Д", type="simple-blender-render", settings={"frames": "1-3"}))
    assert (job.id, job.name, job.status, job.settings) == (JOB["id"], "3Д", "requeued", {"frames": "1-3"})
    sent = json.loads(manager.requests[-1].body)
    assert sent == {"name": "3Д", "type": "simple-blender-render", "priority": 50, "settings": {"frames": "1-3"}}
    assert manager.requests[-1].headers["Content-Type"] == "application/json"
    manager.answer_once("POST", "/api/jobs", Answer(200, JOB))
    client.submit_job(JobRequest(name="n", type="t", priority=0, metadata={"a": "b"}))
    assert json.loads(manager.requests[-1].body) == {"name": "n", "type": "t", "priority": 0, "metadata": {"a": "b"}}


def test_fetch_a_job(client: ManagerClient, manager: ScriptedManager) -> None:
    """A job is fetched by its id."""
    manager.answer_once("GET", f"/api/jobs/{JOB['id']}", Answer(200, JOB))
    assert client.job(str(JOB["id"])).priority == 70


def test_change_a_job(client: ManagerClient, manager: ScriptedManager) -> None:
    """Status and reason are sent; an id that is none cannot lead elsewhere."""
    manager.answer_once("POST", "/jobs/a%2Fb/setstatus", Answer(204))
    client.set_job_status("a/b", JobStatus.CANCEL_REQUESTED, "not needed")
    assert json.loads(manager.requests[-1].body) == {"status": "cancel-requested", "reason": "not needed"}


def test_overview(client: ManagerClient, manager: ScriptedManager) -> None:
    """The farm at a glance; what is left out has a default."""
    job = {"id": "j", "name": "n", "type": "t", "status": "active", "tasks": {"queued": 3, "soft-failed": 1}}
    worker = {"id": "w", "name": "m", "status": "awake", "task": {"id": "t", "name": "render", "job_id": "j"}}
    new = {"id": "x", "name": "new", "status": ""}
    manager.answer_once("GET", "/api/x/overview", Answer(200, {"jobs": [job], "workers": [worker, new]}))
    overview = client.overview()
    assert overview.jobs[0].status is JobStatus.ACTIVE
    assert overview.jobs[0].tasks[TaskStatus.SOFT_FAILED] == 1
    assert overview.workers[0].task
    assert overview.workers[0].task.job_id == "j"
    assert overview.workers[1].status is WorkerStatus.REGISTERED
    assert overview.workers[1].last_seen is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"name": "echo", "parameters": {"message": 1}, "total_step_count": 2}, ("echo", {"message": 1}, 2)),
        ({"name": "echo", "parameters": {}}, ("echo", {}, 0)),
        ({"name": "echo", "parameters": None}, ("echo", None, 0)),
    ],
)
def test_tasks_of_any_manager(
    client: ManagerClient, manager: ScriptedManager, command: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    """Tasks are understood with and without what was added to the protocol later."""
    manager.answer_once("POST", "/worker/task", Answer(200, {**TASK, "commands": [command], "future": 1}))
    task = client.next_task()
    assert not isinstance(task, WorkerStatus | None)
    assert [(each.name, each.parameters, each.total_step_count) for each in task.commands] == [expected]


@pytest.mark.parametrize(
    ("answer", "status", "message", "temporary"),
    [
        (Answer(400, {"code": 400, "message": "no such job type"}), 400, "no such job type", False),
        (Answer(403, {"message": "security requirements failed"}), 403, "security requirements failed", False),
        (Answer(404, "Task does not exist"), 404, "GET /api/v3/version was answered 404 Not Found", False),
        (Answer(500), 500, "GET /api/v3/version was answered 500 Internal Server Error", True),
        (Answer(503, {"code": 503, "message": "busy"}), 503, "busy", True),
        (Answer(302, headers={"Location": "/elsewhere"}), 302, "was answered 302 Found", True),
        (Answer(200, {"what": "else"}), 200, "is http://127.0.0.1:.* a Flamenco manager?", True),
        (Answer(204), 204, "the manager answered something unexpected", True),
        (Answer(400, {"message": "x" * 10000}), 400, "^x{500}$", False),
    ],
)
def test_errors(
    client: ManagerClient, manager: ScriptedManager, answer: Answer, status: int, message: str, temporary: bool
) -> None:
    """Every answer that is not the one hoped for is an error with a sentence, the manager's own where it gave one."""
    manager.answer_once("GET", "/version", answer)
    with pytest.raises(ManagerError, match=message) as caught:
        client.version()
    assert (caught.value.status, caught.value.is_temporary) == (status, temporary)
    assert isinstance(caught.value, FarmError)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0.5", 0.5), ("0", 0.1), ("-1", 0.1), ("inf", 3600.0), ("nan", None), ("tomorrow", None)],
)
def test_retry_after(client: ManagerClient, manager: ScriptedManager, header: str, seconds: float | None) -> None:
    """The time to wait is in seconds, within reason; what is no number is ignored."""
    manager.answer_once("GET", "/version", Answer(503, headers={"Retry-After": header}))
    with pytest.raises(ManagerError) as caught:
        client.version()
    assert caught.value.retry_after == seconds


def test_nobody_there(client: ManagerClient, manager: ScriptedManager) -> None:
    """A refused connection is told with the address."""
    manager.switch_off()
    with pytest.raises(ManagerUnreachable, match=f"the manager at {manager.url} cannot be reached"):
        client.version()


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    """A server of something else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


def test_a_silent_server(stranger: socket.socket) -> None:
    """Every call has a time limit."""
    client = ManagerClient(f"127.0.0.1:{stranger.getsockname()[1]}", timeout_s=0.1)
    with client, pytest.raises(ManagerUnreachable, match="did not answer in time"):
        client.version()


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
def test_something_else_is_there(stranger: socket.socket, says: bytes) -> None:
    """What closes the connection midway or speaks something else counts as unreachable."""
    client = ManagerClient(f"127.0.0.1:{stranger.getsockname()[1]}")
    with client, pytest.raises(ManagerUnreachable, match="cannot be reached"):
        _call_while_serving(client, stranger, says)


def _call_while_serving(client: ManagerClient, server: socket.socket, says: bytes) -> None:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(says)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.version()
    finally:
        thread.join()
