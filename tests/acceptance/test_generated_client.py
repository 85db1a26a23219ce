"""A client that a public generator makes of our own document drives a job from submission to completion."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES
from tests.acceptance.conftest import Manager

PACKAGE = "generated_flamenco"
SECRET = "a secret of no importance"


class Generated:
    """The generated package; its modules are found by their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def module(self, name: str) -> ModuleType:
        """A module of it."""
        return importlib.import_module(f"{PACKAGE}.{name}")

    def model(self, model: str, /, **fields: Any) -> Any:
        """An instance of one of its models."""
        return getattr(self.module("models"), model)(**fields)

    def call(self, operation: str, status: int, client: Any, *ids: str, **arguments: Any) -> Any:
        """Call an operation, such as `jobs.submit_job`, which has to answer `status`. Returns what it parsed."""
        answer = self.module(f"api.{operation}").sync_detailed(*ids, client=client, **arguments)
        assert int(answer.status_code) == status, answer.content
        return answer.parsed


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """Runs the generator. It knows no images, and must have no other complaint."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(document(SURFACES["v3"])))
    (folder / "config.json").write_text(json.dumps({"post_hooks": []}))
    arguments = ["--path", "openapi.json", "--output-path", PACKAGE, "--meta", "none", "--config", "config.json"]
    program = Path(sys.executable).with_name("openapi-python-client")
    done = subprocess.run(
        [program, "generate", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count("WARNING") == said.count("Endpoint will not be generated") == 1, said
    assert "Unsupported content type image/jpeg" in said
    sys.path.insert(0, str(folder))
    yield Generated(folder)
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_every_operation_is_generated(generated: Generated) -> None:
    """The generator understood all of the document but handing in images."""
    paths = document(SURFACES["v3"])["paths"].values()
    operations = {each["operationId"] for methods in paths for each in methods.values()}
    folder = Path(str(generated.module("api").__file__)).parent
    modules = [file for file in folder.glob("*/*.py") if file.name != "__init__.py"]
    assert len(modules) + 1 == len(operations) == 57


@pytest.fixture
def anybody(generated: Generated, shared_manager: Manager) -> Iterator[Any]:
    """A client without credentials."""
    with generated.module("client").Client(base_url=shared_manager.url, raise_on_unexpected_status=True) as client:
        yield client


@pytest.fixture
def worker(generated: Generated, shared_manager: Manager, anybody: Any) -> Iterator[Any]:
    """A client with the credentials of a worker, which is awake."""
    about = {"name": "generated", "supported_task_types": ["misc"]}
    body = generated.model("WorkerRegistration", secret=SECRET, platform="linux", **about)
    registered = generated.call("worker.register_worker", 200, anybody, body=body)
    token = b64encode(f"{registered.uuid}:{SECRET}".encode()).decode()
    module = generated.module("client")
    with module.AuthenticatedClient(base_url=shared_manager.url, token=token, prefix="Basic") as client:
        body = generated.model("WorkerSignOn", software_version="3.9", **about)
        generated.call("worker.sign_on", 200, client, body=body)
        awake = generated.module("models").WorkerStatus("awake")
        body = generated.model("WorkerStateChanged", status=awake)
        generated.call("worker.worker_state_changed", 204, client, body=body)
        yield client
        generated.call("worker.sign_off", 204, client)


def test_from_submission_to_completion(generated: Generated, anybody: Any, worker: Any) -> None:
    """An artist submits, workers work, and everything that is parsed on the way is what the models say."""
    assert generated.call("meta.get_version", 200, anybody).name == "Flamenco"
    (echo,) = [each for each in generated.call("jobs.get_job_types", 200, anybody).job_types if each.name == "echo"]
    settings = generated.model("SubmittedJobSettings")
    settings.additional_properties = {"message": "hello", "count": 3}
    submitted = generated.model(
        "SubmittedJob",
        name="generated",
        type_="echo",
        type_etag=echo.etag,
        submitter_platform="linux",
        settings=settings,
    )
    generated.call("jobs.submit_job_check", 204, anybody, body=submitted)
    job = generated.call("jobs.submit_job", 200, anybody, body=submitted)
    assert (job.status, job.priority, job.settings["message"]) == ("queued", 50, "hello")
    assert [task.index_in_job for task in tasks_of(generated, anybody, job.id)] == [1, 2, 3]

    while task := generated.call("worker.schedule_task", *next_status(generated, anybody, worker, job.id)):
        assert [command.name for command in task.commands] == ["echo"]
        assert generated.call("worker.may_worker_run", 200, worker, task.uuid).may_keep_running
        for change in ({"log": "a line\n", "activity": "busy"}, {"task_status": "completed", "steps_completed": 1}):
            update = generated.model("TaskUpdate", **status_of(generated, change))
            generated.call("worker.task_update", 204, worker, task.uuid, body=update)
        assert "a line" in generated.call("tasks.fetch_task_log_tail", 200, anybody, task.uuid)

    done = generated.call("jobs.fetch_job", 200, anybody, job.id)
    assert (done.status, done.steps_completed, done.steps_total) == ("completed", 3, 3)
    assert {task.status for task in tasks_of(generated, anybody, job.id)} == {"completed"}


def tasks_of(generated: Generated, client: Any, job_id: str) -> list[Any]:
    """The tasks of a job."""
    return list(generated.call("jobs.fetch_job_tasks", 200, client, job_id).tasks)


def next_status(generated: Generated, anybody: Any, worker: Any, job_id: str) -> tuple[int, Any]:
    """What asking for a task has to be answered with, and who asks: there is one as long as the job is not done."""
    is_done = generated.call("jobs.fetch_job", 200, anybody, job_id).status == "completed"
    return (204 if is_done else 200), worker


def status_of(generated: Generated, change: dict[str, Any]) -> dict[str, Any]:
    """The fields of an update, with the status in the words of the generated enum."""
    if "task_status" not in change:
        return change
    return change | {"task_status": generated.module("models").TaskStatus(change["task_status"])}
