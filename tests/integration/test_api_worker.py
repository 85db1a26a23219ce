"""The worker's part of both APIs over one farm, without a socket: each speaks its own words."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.domain.errors import Busy
from flamenco.domain.model import Worker
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, speaking, tasks, workers
from flamenco.farm.context import Farm
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, job_now, new_worker, present, statuses, store_job

NOBODY = "00000000-0000-4000-8000-000000000000"
BOTH = pytest.mark.parametrize("surface", ["/api", "/api/v3"])


class Caller:
    """A worker that calls the API."""

    def __init__(self, farm: Farm, worker: Worker, surface: str) -> None:
        self._client = testing.TestClient(create_app(farm))
        self._surface = surface
        self._headers = {"Authorization": "Basic " + b64encode(f"{worker.id}:{SECRET}".encode()).decode()}

    def get(self, path: str) -> testing.Result:
        """GET a path below `/worker`."""
        return self._client.simulate_get(f"{self._surface}/worker{path}", headers=self._headers)

    def post(self, path: str, body: Any = None) -> testing.Result:
        """POST to a path below `/worker`."""
        if body is None:
            return self._client.simulate_post(f"{self._surface}/worker{path}", headers=self._headers)
        return self._client.simulate_post(f"{self._surface}/worker{path}", json=body, headers=self._headers)


def test_registration_v1(farm: Farm) -> None:
    """A worker that was just registered is starting, has no task, and goes by the nickname it gave."""
    client = testing.TestClient(create_app(farm))
    body = {
        "secret": SECRET,
        "platform": "linux",
        "supported_task_types": ["misc"],
        "nickname": "drawn",
    }
    registered = client.simulate_post("/api/worker/register-worker", json=body).json
    assert registered.pop("uuid") == workers.list_all(farm)[0].id
    assert registered == {
        "nickname": "drawn",
        "address": "127.0.0.1",
        "status": "starting",
        "platform": "linux",
        "current_task": "",
        "last_activity": "",
        "software": "",
        "supported_task_types": ["misc"],
    }


def test_registration_v3(farm: Farm) -> None:
    """Today's protocol calls the name a name, and its clients know no empty status: it is offline."""
    client = testing.TestClient(create_app(farm))
    body = {
        "secret": SECRET,
        "platform": "linux",
        "supported_task_types": ["misc"],
        "name": "drawn",
    }
    registered = client.simulate_post("/api/v3/worker/register-worker", json=body).json
    assert registered.pop("uuid") == workers.list_all(farm)[0].id
    assert registered == {
        "name": "drawn",
        "address": "127.0.0.1",
        "status": "offline",
        "platform": "linux",
        "software": "",
        "supported_task_types": ["misc"],
        "current_task": "",
    }


@pytest.mark.parametrize(
    ("surface", "requested", "word"),
    [
        ("/api", WorkerStatus.OFFLINE, "shutdown"),
        ("/api", WorkerStatus.RESTART, "shutdown"),
        ("/api", WorkerStatus.ASLEEP, "asleep"),
        ("/api/v3", WorkerStatus.OFFLINE, "offline"),
        ("/api/v3", WorkerStatus.RESTART, "restart"),
        ("/api/v3", WorkerStatus.ASLEEP, "asleep"),
    ],
)
def test_requested_status(farm: Farm, surface: str, requested: WorkerStatus, word: str) -> None:
    """A worker learns in its API's words what it should become: when it asks, and instead of a task."""
    worker = new_worker(farm)
    workers.sign_on(farm, worker, name="w", software="", task_types=["misc"], can_restart=True, address="127.0.0.1")
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    caller = Caller(farm, worker, surface)
    assert caller.get("/state").status_code == 204
    workers.request_status(farm, worker.id, requested, lazy=False)
    for result, status in ((caller.get("/state"), 200), (caller.post("/task"), 423)):
        assert result.status_code == status
        assert result.json == {"status_requested": word}


def test_shutdown_of_a_v1_worker(farm: Farm) -> None:
    """A worker that was asked to shut down, says so and signs off is offline, and comes back awake."""
    worker = new_worker(farm)
    caller = Caller(farm, worker, "/api")
    workers.request_status(farm, worker.id, WorkerStatus.OFFLINE, lazy=False)
    assert caller.post("/state-changed", {"status": "shutdown"}).status_code == 204
    assert present(farm, worker).status is WorkerStatus.OFFLINE
    assert caller.post("/sign-off").status_code == 204
    assert caller.get("/state").status_code == 204
    signed_on = caller.post("/sign-on", {"nickname": "w", "supported_task_types": [], "software_version": "1"})
    assert signed_on.json == {"status_requested": "awake"}


@BOTH
@pytest.mark.parametrize("word", ["starting", "awake", "asleep", "error", "testing", "offline"])
def test_reported_status(farm: Farm, surface: str, word: str) -> None:
    """Every status of a worker can be reported, and is what the farm then knows."""
    worker = new_worker(farm)
    assert Caller(farm, worker, surface).post("/state-changed", {"status": word}).status_code == 204
    assert present(farm, worker).status == word


@BOTH
def test_life_of_a_task(farm: Farm, surface: str) -> None:
    """Nothing to do, a task, the same task again, reports, and the job is completed."""
    worker = new_worker(farm)
    caller = Caller(farm, worker, surface)
    assert caller.post("/task").status_code == 204
    job = store_job(farm, authored_job(authored_task(name="render")))
    first, again = caller.post("/task"), caller.post("/task")
    assert first.status_code == again.status_code == 200
    assert first.json["uuid"] == again.json["uuid"]
    assert first.json["job"] == job.id
    assert (first.json["name"], first.json["status"], first.json["job_type"]) == ("render", "active", "test")
    (command,) = first.json["commands"]
    assert (command["name"], command["parameters"]) == ("echo", {"message": "render"})
    assert ("total_step_count" in command) == ("steps_total" in first.json) == (surface == "/api/v3")
    path = f"/task/{first.json['uuid']}"
    assert caller.post(path, {"activity": "Started", "log": "one\n"}).status_code == 204
    assert caller.post(path, {}).status_code == 204
    assert caller.post(path, {"taskStatus": "completed", "log": "two\n"}).status_code == 204
    assert statuses(farm, job) == ["completed", "completed"]
    log = tasks.log_path(farm, first.json["uuid"]).read_text()
    assert log.index("one\n") < log.index("two\n")


@BOTH
def test_a_log_has_a_limit(make_farm: Callable[..., Farm], surface: str) -> None:
    """A task may log on and on: how it began and the newest stay, with what the manager notes, and all is accepted."""
    farm = make_farm(task_log_mb=1)
    caller = Caller(farm, new_worker(farm), surface)
    job = store_job(farm, authored_job(authored_task()))
    task_id = caller.post("/task").json["uuid"]
    for number in range(12):
        assert caller.post(f"/task/{task_id}", {"log": f"part {number}\n" + "x" * 200_000}).status_code == 204
    assert caller.post(f"/task/{task_id}", {"taskStatus": "completed"}).status_code == 204
    log = tasks.log_path(farm, task_id).read_text()
    assert len(log) < 1024 * 1024
    begun, left_out, newest = log.partition("----- left out here: ")
    assert "Task assigned to worker" in begun
    assert "part 0\n" in begun
    assert "part 11\n" in newest
    assert "active -> completed" in newest
    assert left_out
    assert statuses(farm, job) == ["completed", "completed"]


@BOTH
def test_activity_with_odd_characters(farm: Farm, surface: str) -> None:
    """A NUL character in an activity, which a database could not keep, is replaced and harms nothing."""
    worker = new_worker(farm)
    caller = Caller(farm, worker, surface)
    job = store_job(farm, authored_job(authored_task()))
    path = f"/task/{caller.post('/task').json['uuid']}"
    assert caller.post(path, {"activity": "a\0b", "log": "c\0d"}).status_code == 204
    (task,) = tasks.of_job(farm, job.id)
    assert task.activity == "a\N{REPLACEMENT CHARACTER}b"
    assert b"c\0d" in tasks.log_path(farm, task.id).read_bytes()


@BOTH
@pytest.mark.parametrize("status", ["soft-failed", "cancel-requested", "nonsense"])
def test_statuses_that_cannot_be_reported(farm: Farm, surface: str, status: str) -> None:
    """What is not a worker's to say is refused, and changes nothing."""
    worker = new_worker(farm)
    caller = Caller(farm, worker, surface)
    job = store_job(farm, authored_job(authored_task()))
    path = f"/task/{caller.post('/task').json['uuid']}"
    result = caller.post(path, {"taskStatus": status, "activity": "changed"})
    assert result.status_code == 400
    assert "taskStatus" in result.json["message"]
    (task,) = tasks.of_job(farm, job.id)
    assert (task.status, task.activity) == (TaskStatus.ACTIVE, "")


@BOTH
def test_task_of_another_worker(farm: Farm, surface: str) -> None:
    """Only the worker that has a task can report on it; the others get a conflict, and a task of nobody's is a 404."""
    store_job(farm, authored_job(authored_task()))
    task_id = Caller(farm, new_worker(farm), surface).post("/task").json["uuid"]
    other = Caller(farm, new_worker(farm), surface)
    assert other.post(f"/task/{task_id}", {"log": "mine"}).status_code == 409
    assert other.post(f"/task/{NOBODY}", {"log": "mine"}).status_code == 404
    assert b"mine" not in tasks.log_path(farm, task_id).read_bytes()


def test_steps(farm: Farm) -> None:
    """Today's workers report how far they are."""
    job = store_job(farm, authored_job(authored_task()))
    caller = Caller(farm, new_worker(farm), "/api/v3")
    path = f"/task/{caller.post('/task').json['uuid']}"
    assert caller.post(path, {"steps_completed": 1, "activity": "Progress"}).status_code == 204
    assert job_now(farm, job).steps_completed == 1


def test_may_i_run(farm: Farm) -> None:
    """All three keys are always there, and say no for every reason there is."""
    job = store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    caller = Caller(farm, worker, "/api/v3")
    path = f"/task/{caller.post('/task').json['uuid']}/may-i-run"
    assert caller.get(path).json == {"mayKeepRunning": True, "reason": "", "statusChangeRequested": False}
    unknown = caller.get(f"/task/{NOBODY}/may-i-run")
    assert (unknown.status_code, unknown.json["mayKeepRunning"]) == (200, False)
    assert Caller(farm, new_worker(farm), "/api/v3").get(path).json["mayKeepRunning"] is False
    workers.request_status(farm, worker.id, WorkerStatus.ASLEEP, lazy=False)
    assert caller.get(path).json["statusChangeRequested"] is True
    workers.request_status(farm, worker.id, WorkerStatus.AWAKE, lazy=False)
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "enough")
    refused = caller.get(path).json
    assert refused["mayKeepRunning"] is False
    assert "canceled" in refused["reason"]


@pytest.mark.parametrize(
    ("status", "becomes"), [("cancel-requested", "canceled"), ("pause-requested", "paused"), ("requeueing", "queued")]
)
def test_steering_a_job(farm: Farm, status: str, becomes: str) -> None:
    """A job is cancelled, paused and requeued over the API, and v1 shows it in its own words."""
    client = testing.TestClient(create_app(farm))
    job = store_job(farm, authored_job(authored_task()))
    body = {"status": status, "reason": "because"}
    assert client.simulate_post(f"/api/v3/jobs/{job.id}/setstatus", json=body).status_code == 204
    assert job_now(farm, job).status == becomes
    assert client.simulate_get(f"/api/jobs/{job.id}").json["status"] == becomes
    assert client.simulate_post(f"/api/v3/jobs/{NOBODY}/setstatus", json=body).status_code == 404
    assert client.simulate_post(f"/api/v3/jobs/{job.id}/setstatus", json={"status": status}).status_code == 400


def test_pause_that_waits(farm: Farm) -> None:
    """A job that waits for its last task to end before it is paused is called paused in v1 already."""
    client = testing.TestClient(create_app(farm))
    job = store_job(farm, authored_job(authored_task(), authored_task()))
    assert Caller(farm, new_worker(farm), "/api").post("/task").status_code == 200
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "lunch")
    assert job_now(farm, job).status is JobStatus.PAUSE_REQUESTED
    assert client.simulate_get(f"/api/jobs/{job.id}").json["status"] == "paused"


def test_overview(farm: Farm) -> None:
    """The overview shows every job with its counts, and every worker with the task it runs."""
    client = testing.TestClient(create_app(farm))
    job = store_job(farm, authored_job(authored_task(), authored_task(), name="shot 7"))
    busy, idle = new_worker(farm, "busy"), new_worker(farm, "idle")
    task = Caller(farm, busy, "/api").post("/task").json
    shown = client.simulate_get("/api/x/overview").json
    (summary,) = shown["jobs"]
    assert summary["tasks"] == {
        "active": 1,
        "canceled": 0,
        "completed": 0,
        "failed": 0,
        "paused": 0,
        "queued": 1,
        "soft-failed": 0,
    }
    assert (summary["id"], summary["name"], summary["status"]) == (job.id, "shot 7", "active")
    by_name = {worker["name"]: worker for worker in shown["workers"]}
    assert by_name["busy"]["task"] == {"id": task["uuid"], "name": task["name"], "job_id": job.id}
    assert "task" not in by_name["idle"]
    assert by_name["idle"]["id"] == idle.id


@pytest.mark.parametrize(
    ("path", "name"), [("/api/worker/register-worker", "nickname"), ("/api/v3/worker/register-worker", "name")]
)
def test_names_of_workers_have_a_limit(farm: Farm, path: str, name: str) -> None:
    """As long as the name of a machine can be is fine, a longer one is 400 with a sentence, and nobody is stored."""
    client = testing.TestClient(create_app(farm))
    body = {"secret": SECRET, "platform": "linux", "supported_task_types": ["misc"]}
    assert client.simulate_post(path, json={**body, name: "n" * 255}).status_code == 200
    refused = client.simulate_post(path, json={**body, name: "n" * 256})
    assert refused.status_code == 400
    assert "255" in refused.json["message"]
    assert len(workers.list_all(farm)) == 1


@pytest.mark.parametrize("surface", ["/api", "/api/v3"])
@pytest.mark.parametrize(
    "more",
    [
        {"settings": {f"s{number}": 1 for number in range(1001)}},
        {"metadata": {f"m{number}": "x" for number in range(1001)}},
        {"metadata": {"note": "x" * 100_001}},
        {"metadata": {"k" * 1001: "x"}},
    ],
    ids=["settings", "metadata", "long value", "long key"],
)
def test_settings_and_metadata_have_a_limit(farm: Farm, surface: str, more: dict[str, Any]) -> None:
    """So many, or so long ones, are no job's; the answer is 400 with a sentence that has the limit in it."""
    client = testing.TestClient(create_app(farm))
    body = {"name": "n", "type": "echo-sleep-test", "submitter_platform": "linux", **more}
    refused = client.simulate_post(f"{surface}/jobs", json=body)
    assert refused.status_code == 400
    assert "1000" in refused.json["message"] or "100000" in refused.json["message"]


@pytest.mark.parametrize("prefix", ["/api", "/api/v3"])
def test_a_secret_that_can_be_guessed(farm: Farm, prefix: str) -> None:
    """It is refused, and so is none; the worker is not there."""
    client = testing.TestClient(create_app(farm))
    body = {"platform": "linux", "supported_task_types": ["misc"], "name": "w", "nickname": "w"}
    for secret in ("", "s", "x" * 15):
        answer = client.simulate_post(f"{prefix}/worker/register-worker", json=body | {"secret": secret})
        assert answer.status_code == 400
        assert "at least 16 characters" in answer.json["message"]
    assert client.simulate_get("/api/v3/worker-mgt/workers").json["workers"] == []


def test_workers_that_are_made_up(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """After so many from one address no more are stored for an hour; those elsewhere, and those there are, go on."""
    farm = make_farm(registrations_per_hour=3)

    def register(address: str) -> Worker:
        return workers.register(farm, name="w", platform="linux", secret="x" * 16, task_types=["misc"], address=address)

    for _ in range(3):
        worker = register("10.0.0.1")
        clock.forward(600)
    with pytest.raises(Busy, match="3 workers have registered from"):
        register("10.0.0.1")
    register("10.0.0.2")
    assert speaking.authenticate(farm, worker.id, "x" * 16)
    clock.forward(3600 - 1800)
    register("10.0.0.1")
