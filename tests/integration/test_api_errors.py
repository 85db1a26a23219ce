"""Errors as each surface says them, without a socket: formats, statuses, headers, and what never gets out."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import falcon
import msgspec
import pytest
from falcon import testing
from structlog.testing import capture_logs

from flamenco.api import errors
from flamenco.api.app import create_app
from flamenco.api.operation import operation_of
from flamenco.api.routes import SURFACES
from flamenco.api.v3.worker import IMAGE_LIMIT_BYTES
from flamenco.config.access_settings import AccessConfig, ProxyConfig
from flamenco.domain import errors as domain_errors
from flamenco.farm.context import Farm
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, new_worker, store_job, take

NOBODY = "00000000-0000-4000-8000-000000000000"
WITH_CODE = {"code", "message"}
BRIEF = {"message"}

JSON = {"Content-Type": "application/json"}
REGISTRATION = {
    "secret": SECRET,
    "platform": "linux",
    "supported_task_types": [],
    "nickname": "n",
    "name": "n",
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to the formats of errors, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """The application over a farm, called directly."""
    return testing.TestClient(create_app(farm))


@pytest.fixture
def worker(farm: Farm) -> dict[str, str]:
    """The headers of a worker that is awake."""
    return credentials(new_worker(farm).id)


def credentials(worker_id: str) -> dict[str, str]:
    """The header that says who a worker is."""
    return {"Authorization": "Basic " + b64encode(f"{worker_id}:{SECRET}".encode()).decode()}


class Broken:
    """A resource whose responder raises what the test wants."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Raise."""
        resp.data = b"half an answer"
        raise self.error


def raising(farm: Farm, error: Exception) -> testing.TestClient:
    """An application in which `/api/x/broken` and `/api/v3/broken` raise `error`."""
    app = create_app(farm)
    app.add_route("/api/x/broken", Broken(error))
    app.add_route("/api/v3/broken", Broken(error))
    return testing.TestClient(app)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (domain_errors.Refused("why"), 400),
        (domain_errors.JobTypeError("why"), 400),
        (domain_errors.AccessDenied("why"), 403),
        (domain_errors.NotFound("why"), 404),
        (domain_errors.Conflict("why"), 409),
        (domain_errors.Replaced("why"), 410),
        (domain_errors.ConfigError("why"), 500),
        (domain_errors.Failed("why"), 500),
        (domain_errors.StoreError("why"), 500),
        (domain_errors.Unavailable("why"), 503),
        (domain_errors.Busy("why", retry_after=7), 503),
        (domain_errors.QueueFull("why"), 503),
        (errors.BadRequest("why"), 400),
        (errors.BadRequest("why", 411), 411),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_error_of_the_farm_has_its_status(farm: Farm, error: Exception, status: int) -> None:
    """An error of the farm is answered with its status and its own words, on every surface."""
    client = raising(farm, error)
    result = client.simulate_get("/api/x/broken")
    assert result.status_code == status
    assert result.json == {"code": status, "message": "why"}
    today = client.simulate_get("/api/v3/broken")
    assert today.status_code == status
    assert today.json["message"] == "why"
    assert today.text.endswith("}\n")
    if status == 503:
        assert int(result.headers["retry-after"]) >= 1


def test_an_operation_has_statuses_of_its_own(client: testing.TestClient) -> None:
    """A status that an operation declares for a kind of error is answered with, and is in the document."""
    declared = {
        (method, surface.prefix + path): operation
        for surface in SURFACES.values()
        for path, resource in surface.routes.items()
        for method in ("GET", "POST", "PUT", "DELETE")
        if (operation := operation_of(resource, method)) and operation.statuses
    }
    assert {each.id for each in declared.values()} >= {"submitJob", "deleteJobMass", "setJobTag", "shamanCheckout"}
    for operation in declared.values():
        assert set(operation.statuses.values()) <= set(operation.returns), operation.id
    result = client.simulate_delete("/api/v3/jobs/mass-delete", json={"last_updated_max": "0001-01-01T00:00:00Z"})
    assert (result.status_code, result.json) == (416, {"code": 416, "message": "no jobs modified before timestamp"})


@pytest.mark.parametrize(
    "error", [ValueError("secret detail"), domain_errors.FarmError("secret detail"), RecursionError("secret detail")]
)
def test_our_own_mistakes(farm: Farm, error: Exception) -> None:
    """An error nobody thought of is a 500 that says nothing of itself; the log has it, and the request's number."""
    with capture_logs() as logs:
        result = raising(farm, error).simulate_get("/api/x/broken", headers={"X-Request-ID": "my-request"})
    assert result.status_code == 500
    assert result.json["code"] == 500
    assert "secret detail" not in result.text
    assert "my-request" in result.json["message"]
    assert result.headers["x-request-id"] == "my-request"
    (line,) = logs
    assert (line["log_level"], line["path"], line["exc_info"]) == ("error", "/api/x/broken", error)


@pytest.mark.parametrize(
    ("method", "path", "status", "fields"),
    [
        ("GET", "/", 404, WITH_CODE),
        ("GET", "/api", 404, WITH_CODE),
        ("GET", "/api/", 404, WITH_CODE),
        ("GET", "/api/version/", 404, WITH_CODE),
        ("GET", "/api/x/none", 404, WITH_CODE),
        ("GET", "/api/v3", 404, BRIEF),
        ("GET", "/api/v3/none", 404, BRIEF),
        ("GET", "/api/v3/jobs/", 404, BRIEF),
        ("GET", "/api/v3/jobs//tasks", 404, BRIEF),
        ("GET", "/api/v3/worker-mgt/workers/", 404, BRIEF),
        ("POST", "/api/v3/jobs/query", 404, BRIEF),
        ("GET", "/api/v3/jobs/query", 400, WITH_CODE),
        ("POST", f"/api/v3/jobs/{NOBODY}", 405, BRIEF),
        ("GET", "/api/jobs/", 404, WITH_CODE),
        ("GET", "/api/v30/none", 404, WITH_CODE),
        ("DELETE", "/api/jobs", 405, WITH_CODE),
        ("GET", "/api/jobs", 405, WITH_CODE),
        ("HEAD", "/api/jobs", 405, set()),
        ("PUT", "/api/v3/worker/task", 405, BRIEF),
        ("POST", "/api/x/overview", 405, WITH_CODE),
        ("GET", "/api/jobs/1", 400, WITH_CODE),
        ("POST", "/api/v3/jobs/1/setstatus", 400, WITH_CODE),
        ("GET", f"/api/jobs/{NOBODY}", 404, WITH_CODE),
        ("POST", "/api/worker/task", 403, WITH_CODE),
        ("POST", "/api/v3/worker/task", 403, BRIEF),
        ("POST", "/api/worker/task/1", 403, WITH_CODE),
    ],
)
def test_formats(client: testing.TestClient, method: str, path: str, status: int, fields: set[str]) -> None:
    """Each surface has its format for what never reached the farm; a method that is not there says which are."""
    result = client.simulate_request(method, path)
    assert result.status_code == status
    if fields:
        assert set(result.json) == fields
    if status == 405:
        assert "OPTIONS" in result.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/api/version", "/api/v3/version", "/api/x/overview", "/api/openapi.json", "/api/v3/openapi3.json"]
)
def test_head_is_get_without_a_body(client: testing.TestClient, path: str) -> None:
    """HEAD gives the headers of GET, the length among them."""
    get, head = client.simulate_get(path), client.simulate_head(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["content-type"] == "application/json"
    assert head.content == b""


BODIES = {
    "workerStateChanged": {"status": "awake"},
    "signOn": {"name": "n", "nickname": "n", "supported_task_types": [], "software_version": "1"},
    "taskUpdate": {"activity": "busy"},
    "setWorkerTags": {"tag_ids": []},
    "requestWorkerStatusChange": {"status": "asleep", "is_lazy": True},
    "setJobPriority": {"priority": 1},
    "setTaskStatus": {"status": "queued", "reason": "r"},
    "setJobStatus": {"status": "queued", "reason": "r"},
    "setJobTag": {},
    "removeJobBlocklist": [{"worker_id": NOBODY, "task_type": "misc"}],
    "deleteJobMass": {"last_updated_max": "0001-01-01T00:00:00Z"},
}
"""What operations without an answer of their own are sent."""


def test_no_content_type_without_a_body(farm: Farm, client: testing.TestClient) -> None:
    """Of every operation there is, an answer with nothing in it does not claim to be JSON, nor anything else.

    The worker in Go takes what claims to be JSON for JSON, and logs an error for every frame.
    """
    job = store_job(farm, authored_job(authored_task()))
    headers = credentials((worker := new_worker(farm)).id)
    task = take(farm, worker).task
    ids = {"job_id": job.id, "task_id": task.id, "worker_id": worker.id, "filesize": "6", "checksum": "a" * 64}
    empty: dict[str, int] = {}
    asked = [
        (method, surface.prefix + path, operation_of(resource, method))
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE")  # in this order: what is deleted is gone
        for surface in SURFACES.values()
        for path, resource in surface.routes.items()
    ]
    # First of all, as most others take the task away from the worker.
    asked.sort(key=lambda each: each[2] is None or each[2].id != "taskUpdate")
    for method, path, declared in asked:
        name = declared.id if declared else method
        where = re.sub(r"{(\w+)}", lambda found: ids.get(found[1], NOBODY), path)
        image = {"body": PICTURE, "headers": headers | {"Content-Type": "image/png"}}
        sent = {"json": BODIES.get(name), "headers": headers}
        answer = client.simulate_request(method, where, **(image if name == "taskOutputProduced" else sent))
        if method != "HEAD":
            assert ("content-type" in answer.headers) == bool(answer.content), f"{name} {answer.headers}"
        if not answer.content:
            empty[name] = answer.status_code
    assert empty["taskOutputProduced"] == 202
    assert {"taskUpdate", "workerStateChanged", "signOff", "setJobPriority", "fetchTaskLogTail", "OPTIONS"} <= {*empty}


def test_options(client: testing.TestClient) -> None:
    """OPTIONS says what a path can be used with, without asking who wants to know."""
    result = client.simulate_options("/api/worker/task")
    assert result.status_code == 200
    assert set(result.headers["allow"].split(", ")) == {"POST"}


@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        ("/api/worker/register-worker", "application/json", 200),
        ("/api/worker/register-worker", "Application/JSON; Charset=UTF-8", 200),
        ("/api/worker/register-worker", 'application/json; charset="utf-8"', 200),
        ("/api/worker/register-worker", "application/json; charset=latin-1", 415),
        ("/api/worker/register-worker", "application/x-www-form-urlencoded", 415),
        ("/api/worker/register-worker", "text/json", 415),
        ("/api/worker/register-worker", ";;;", 415),
        ("/api/worker/register-worker", None, 415),
        ("/api/v3/worker/register-worker", "application/json", 200),
        ("/api/v3/worker/register-worker", "text/plain", 400),
        ("/api/v3/worker/register-worker", None, 400),
    ],
)
def test_content_types(client: testing.TestClient, path: str, content_type: str | None, status: int) -> None:
    """JSON has to say that it is JSON; what else there is, is refused the way of each surface."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    result = client.simulate_post(path, body=msgspec.json.encode(REGISTRATION), headers=headers)
    assert result.status_code == status, result.text
    if status >= 400:
        assert "Content-Type" in result.json["message"]


@pytest.mark.parametrize("surface", ["/api", "/api/v3"])
def test_bodies_have_a_limit(make_farm: Callable[..., Farm], surface: str) -> None:
    """A body larger than the manager's limit is a 413, whether its length is announced or not."""
    client = testing.TestClient(create_app(make_farm(max_body_mb=1)))
    path = f"{surface}/worker/register-worker"
    fits = msgspec.json.encode(REGISTRATION | {"of another version": "x" * 1_000_000})
    too_large = msgspec.json.encode(REGISTRATION | {"of another version": "x" * 1_100_000})
    chunked = {"Transfer-Encoding": "chunked", "Content-Length": ""} | JSON
    extras = {"wsgi.input_terminated": True}
    assert client.simulate_post(path, body=fits, headers=JSON).status_code == 200
    assert client.simulate_post(path, body=too_large, headers=JSON).status_code == 413
    assert client.simulate_post(path, body=fits, headers=chunked, extras=extras).status_code == 200
    assert client.simulate_post(path, body=too_large, headers=chunked, extras=extras).status_code == 413


def test_empty_body(client: testing.TestClient) -> None:
    """Where a body is needed, none is an error that says so; where none is needed, one is ignored."""
    result = client.simulate_post("/api/jobs", headers=JSON)
    assert result.status_code == 400
    assert "body" in result.json["message"]
    assert client.simulate_get("/api/version", body="{]", headers=JSON).status_code == 200


def test_who_one_is_comes_first(client: testing.TestClient, worker: dict[str, str]) -> None:
    """Authentication, then the path, then the body: nobody learns more than they may."""
    path = "/api/v3/worker/task/1"
    assert client.simulate_post(path, body="{").status_code == 403
    assert "task_id" in client.simulate_post(path, body="{", headers=worker | JSON).json["message"]
    path = f"/api/v3/worker/task/{NOBODY}"
    assert "JSON" in client.simulate_post(path, body="{", headers=worker | JSON).json["message"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 100, "né"])
def test_odd_request_ids_are_not_repeated(client: testing.TestClient, given: str) -> None:
    """A number of a request that could break a log line is replaced by one of ours."""
    result = client.simulate_get("/api/version", headers={"X-Request-ID": given})
    assert result.headers["x-request-id"] != given
    assert len(result.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "127.0.0.1"),
        ({"X-Forwarded-For": "10.0.0.1, 10.0.0.7"}, "10.0.0.7"),
        ({"X-Forwarded-For": "2001:db8::1"}, "2001:db8::1"),
        ({"X-Forwarded-For": "::ffff:10.0.0.7"}, "10.0.0.7"),
        ({"X-Forwarded-For": "<script>"}, "127.0.0.1"),
        ({"X-Real-IP": "10.0.0.8"}, "127.0.0.1"),
        ({"Forwarded": "for="}, "127.0.0.1"),
    ],
)
def test_addresses(make_farm: Callable[..., Farm], headers: dict[str, str], address: str) -> None:
    """A worker's address is what a proxy says that is trusted, as long as that is an address."""
    farm = make_farm(access=AccessConfig(mode="open", proxy=ProxyConfig(trusted=("127.0.0.1",))))
    client = testing.TestClient(create_app(farm))
    result = client.simulate_post("/api/worker/register-worker", json=REGISTRATION, headers=headers)
    assert result.json["address"] == address


PICTURE = b"\xff\xd8\xff\xe0 not really a picture"


@pytest.mark.parametrize(
    ("content_type", "body", "headers", "status"),
    [
        ("image/jpeg", PICTURE, {}, 202),
        ("image/png", PICTURE, {}, 202),
        ("image/tiff", PICTURE, {}, 400),
        ("application/json", b"{}", {}, 400),
        ("image/jpeg", b"", {"Content-Length": "0"}, 400),
        ("image/jpeg", b"", {"Content-Length": ""}, 411),
        ("image/jpeg", b"", {"Content-Length": str(IMAGE_LIMIT_BYTES + 1)}, 413),
    ],
)
def test_images(
    farm: Farm, client: testing.TestClient, content_type: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    """Images of two kinds are accepted with 202; each thing that can be wrong with them has its status."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    result = client.simulate_post(
        f"/api/v3/worker/task/{assigned.task.id}/output-produced",
        body=body,
        headers=credentials(worker.id) | {"Content-Type": content_type} | headers,
    )
    assert result.status_code == status, result.text


def test_image_of_no_task(client: testing.TestClient, worker: dict[str, str]) -> None:
    """Today's Flamenco answers an image of an unknown task with a text alone, not with an object."""
    path = f"/api/v3/worker/task/{NOBODY}/output-produced"
    result = client.simulate_post(path, body=PICTURE, headers=worker | {"Content-Type": "image/png"})
    assert result.status_code == 404
    assert isinstance(result.json, str)


def test_pages_of_other_origins(farm: Farm) -> None:
    """The web interface of today's Flamenco may be served from port 8081 of the same machine, and from nowhere else."""
    client = testing.TestClient(create_app(farm))
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "Content-Type"}
    for origin in ("http://localhost:8081", "http://127.0.0.1:8081"):
        before = client.simulate_options("/api/v3/configuration/file", headers=asked | {"Origin": origin})
        assert before.headers["Access-Control-Allow-Origin"] == origin
        assert "PUT" in before.headers["Access-Control-Allow-Methods"]
        assert before.headers["Access-Control-Allow-Headers"] == "Content-Type"
        answer = client.simulate_get("/api/v3/version", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
    for origin in ("http://localhost:8080", "http://example.org:8081"):
        answer = client.simulate_get("/api/v3/version", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
