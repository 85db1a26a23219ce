"""The original API, over real sockets, held against its contract: every operation and every documented response."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import Manager
from tests.contract import reading
from tests.contract.reading import Contract, Documented

SECRET = "a secret of no importance"
TASK_TYPES = ("blender", "ffmpeg", "file-management", "misc")
NOBODY = "6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"

PATHS = {operation["operationId"]: (method, path) for path, method, operation in reading.operations(reading.read())}
"""Method and path of every operation."""


class Client:
    """Somebody who calls the API: anybody, or a worker with its credentials. Everything is judged by the contract."""

    def __init__(
        self,
        http: httpx.Client,
        contract: Contract,
        auth: tuple[str, str] | None = None,
        task_types: Sequence[str] = TASK_TYPES,
    ) -> None:
        self._http = http
        self._contract = contract
        self.auth = auth
        self._task_types = list(task_types)

    def call(self, operation: str, body: Any = None, *, raw: bytes | None = None, about: str = "") -> httpx.Response:
        """Send a request about the job or task `about`; `body` is sent as JSON, `raw` as it is, both as such."""
        return self._contract.judge(operation, self.send(operation, body, raw=raw, about=about))

    def send(
        self,
        operation: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        about: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """As `call`, but nobody judges the answer."""
        method, path = PATHS[operation]
        url = path.format(task_id=about, job_id=about)
        request = self._http.build_request(method, url, json=body, content=raw, headers=headers)
        if raw is not None:
            request.headers["content-type"] = "application/json"
        return self._http.send(request, auth=self.auth)

    def as_worker(self, worker_id: str, task_types: Sequence[str] = TASK_TYPES) -> Client:
        """The same API, called by that worker."""
        return Client(self._http, self._contract, (worker_id, SECRET), task_types)

    def register(self, nickname: str = "drawn", task_types: Sequence[str] = TASK_TYPES) -> Client:
        """A new worker."""
        registration = {
            "secret": SECRET,
            "platform": "linux",
            "supported_task_types": list(task_types),
            "nickname": nickname,
        }
        return self.as_worker(self.call("registerWorker", registration).json()["uuid"], task_types)

    def sign_on(self) -> httpx.Response:
        """Say what this worker can do."""
        body = {"nickname": "drawn", "supported_task_types": self._task_types, "software_version": "3.0"}
        return self.call("signOn", body)

    def wake(self) -> None:
        """Sign on, and be awake."""
        self.sign_on()
        assert self.call("workerStateChanged", {"status": "awake"}).status_code == 204

    def take(self) -> dict[str, Any]:
        """The next task; there must be one."""
        response = self.call("scheduleTask")
        assert response.status_code == 200, response.text
        task: dict[str, Any] = response.json()
        return task


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The judge, for the whole module."""
    return Contract()


@pytest.fixture(scope="module")
def anybody(shared_manager: Manager, contract: Contract) -> Iterator[Client]:
    """Whoever calls the manager without saying who they are."""
    with httpx.Client(base_url=shared_manager.url, timeout=30) as http:
        yield Client(http, contract)


@pytest.fixture(scope="module")
def worked(anybody: Client, contract: Contract) -> Contract:
    """The contract's judge after a life of a farm in which everything happened that the contract knows of."""
    assert anybody.call("getVersion").status_code == 200
    assert anybody.call("getJobTypes").status_code == 200
    assert anybody.call("registerWorker", {}).status_code == 400
    worker = anybody.register()
    stranger = anybody.as_worker(NOBODY)

    assert worker.call("scheduleTask").status_code == 409
    assert worker.call("workerState").status_code == 204
    worker.wake()
    assert worker.call("scheduleTask").status_code == 204

    job = anybody.call("submitJob", echo_job(count=2)).json()
    assert anybody.call("submitJob", {"name": "no such type", "type": "none", "priority": 1}).status_code == 400
    assert anybody.call("fetchJob", about=job["id"]).status_code == 200
    task = worker.take()
    other = anybody.register("other")
    other.wake()
    assert other.call("taskUpdate", {"log": "not mine\n"}, about=task["uuid"]).status_code == 409
    update = {"taskStatus": "completed", "activity": "done", "log": "all went well\n"}
    assert worker.call("taskUpdate", update, about=task["uuid"]).status_code == 204
    assert worker.call("taskUpdate", update, about=NOBODY).status_code == 404

    assert worker.call("signOff").status_code == 204
    assert worker.call("workerState").json() == {"status_requested": "awake"}
    assert worker.call("scheduleTask").status_code == 423
    for operation in ("signOn", "signOff", "workerState", "workerStateChanged", "scheduleTask"):
        assert stranger.call(operation).status_code == 403
    return contract


def echo_job(count: int = 1, **changes: Any) -> dict[str, Any]:
    """A job of the tests' own type."""
    return {"name": "echo", "type": "echo", "priority": 50, "settings": {"message": "hi", "count": count}} | changes


@pytest.mark.parametrize("documented", reading.documented_responses(), ids=lambda each: f"{each[0]}-{each[1]}")
def test_every_documented_response_happens(worked: Contract, documented: Documented) -> None:
    """Each response that the contract documents is really given; all of them were validated against it."""
    assert worked.exchanges(documented)


def test_copy_says_the_same() -> None:
    """Our copy of the contract promises exactly what the contract does, in other words."""
    assert reading.promises(reading.read(reading.COPY)) == reading.promises(reading.read())


def test_errors_have_code_and_message(worked: Contract) -> None:
    """Every error says its status again, and a sentence."""
    errors = [
        response
        for documented in reading.documented_responses()
        for response in worked.exchanges(documented)
        if response.status_code >= 400 and response.status_code != 423
    ]
    assert len(errors) >= 9
    for response in errors:
        assert response.headers["content-type"] == "application/json"
        assert response.json().keys() == {"code", "message"}
        assert response.json()["code"] == response.status_code
        assert response.json()["message"]


def test_example_job(anybody: Client, shared_manager: Manager) -> None:
    """The contract's example of a job is accepted exactly as it stands, and becomes four render tasks and a video."""
    example = reading.example("SubmittedJob")
    job = anybody.call("submitJob", example).json()
    assert {key: job[key] for key in ("name", "type", "priority", "metadata")} == {
        key: example[key] for key in ("name", "type", "priority", "metadata")
    }
    overview = httpx.get(f"{shared_manager.url}/api/x/overview").json()
    (found,) = [each for each in overview["jobs"] if each["id"] == job["id"]]
    assert found["tasks"]["queued"] == sum(found["tasks"].values()) == 5
    worker = anybody.register("renderer", ["blender", "ffmpeg", "file-management"])
    worker.wake()
    seen = []
    for _ in range(5):
        task = worker.take()
        assert task["job"] == job["id"]
        assert task["commands"]
        seen.append(task["task_type"])
        assert worker.call("taskUpdate", {"taskStatus": "completed"}, about=task["uuid"]).status_code == 204
    assert seen == ["blender"] * 4 + ["ffmpeg"]
    assert anybody.call("fetchJob", about=job["id"]).json()["status"] == "completed"


def test_priority_may_be_left_out(anybody: Client) -> None:
    """The contract gives the priority a default, so a job without one gets that."""
    submitted = echo_job()
    del submitted["priority"]
    # The contract calls it required as well, so this request is not one that its validator lets through.
    response = anybody.send("submitJob", submitted)
    assert response.status_code == 200
    assert response.json()["priority"] == 50


GOOD_BODIES: dict[str, dict[str, Any]] = {
    "registerWorker": {
        "secret": "a secret of enough letters",
        "platform": "linux",
        "supported_task_types": ["misc"],
        "nickname": "n",
    },
    "signOn": {"nickname": "n", "supported_task_types": ["misc"], "software_version": "1"},
    "workerStateChanged": {"status": "awake"},
    "taskUpdate": {"taskStatus": "active", "activity": "a", "log": "l"},
    "submitJob": echo_job() | {"metadata": {"project": "p"}},
}
"""A body that is right, for every operation that takes one."""

WRONG_VALUES = {
    "string": [1, True, [], {}, None, 1.5],
    "integer": ["1", 1.5, True, [], {}, None, 2**31, -(2**31) - 1, 10**400],
    "array": ["misc", 1, {}, None, [1], [None], [["misc"]]],
    "object": ["a", 1, [], None],
}


def wrong_bodies() -> Iterator[Any]:
    """Every good body with one of its fields missing, null, of a wrong type, or a word that is not known."""
    assert GOOD_BODIES.keys() == {
        operation["operationId"] for _, _, operation in reading.operations(reading.read()) if "requestBody" in operation
    }
    for operation, body in GOOD_BODIES.items():
        schema = reading.body_schema(operation)
        for field in sorted(set(schema.get("required", ())) - {"priority"}):
            without = {name: value for name, value in body.items() if name != field}
            yield pytest.param(operation, without, field, id=f"{operation}-{field}-missing")
        for field, declared in schema["properties"].items():
            wrong = [*WRONG_VALUES[declared["type"]], *(["no such word", ""] if "enum" in declared else [])]
            for number, value in enumerate(wrong):
                yield pytest.param(operation, body | {field: value}, field, id=f"{operation}-{field}-{number}")
    yield pytest.param("submitJob", echo_job(metadata={"key": 1}), "metadata", id="metadata-number")
    yield pytest.param("submitJob", echo_job(metadata={"key": None}), "metadata", id="metadata-null")


@pytest.mark.parametrize(("operation", "body", "field"), list(wrong_bodies()))
def test_wrong_field_is_named(anybody: Client, operation: str, body: dict[str, Any], field: str) -> None:
    """A field that is missing, null, of the wrong type or an unknown word is a 400 that names it."""
    worker = anybody.register()
    response = worker.call(operation, body, about=NOBODY)
    assert response.status_code == 400, response.text
    assert field in response.json()["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"17",
        b"not JSON",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"name": "\xff", "type": "echo"}',
        b'{"unknown": "\xff", "name": "n", "type": "echo"}',
        b'{"name": "\\ud800", "type": "echo"}',
        b'{"name": "a\\u0000b", "type": "echo"}',
        b'{"name": "n", "type": "echo", "settings": {"message": "\\u0000"}}',
        b'{"name": "n", "type": "echo", "settings": {"\\u0000": "m"}}',
        b'{"name": "n", "type": "echo", "metadata": {"\\u0000": "m"}}',
        b'{"name": "n", "type": "echo", "settings": {"message": 1e999}}',
        b'{"name": "n", "type": "echo", "settings": {"message": NaN}}',
        b'{"name": "n", "type": "echo", "settings": {"count": 99999999999999999999999999}}',
        b'{"name": "n", "type": "echo", "settings": {"deep": ' + b"[" * 200 + b"]" * 200 + b"}}",
        b'{"name": "n", "type": "../../etc/passwd"}',
        b'{"name": "n", "type": ""}',
        b'{"name": "n", "type": "echo"}',
        b'{"name": "n", "type": "echo", "settings": {"message": "m", "count": "many"}}',
        b'{"name": "n", "type": "echo", "settings": {"message": true}}',
    ],
    ids=lambda raw: raw[:60].decode("latin-1"),
)
def test_bad_job_stores_nothing(anybody: Client, shared_manager: Manager, raw: bytes) -> None:
    """A body that is no job, or a job that cannot be, is a 400 with a reason, and nothing is stored."""
    overview = f"{shared_manager.url}/api/x/overview"
    before = httpx.get(overview).json()["jobs"]
    response = anybody.call("submitJob", raw=raw)
    assert response.status_code == 400, response.text
    assert len(response.json()["message"]) > 10
    assert httpx.get(overview).json()["jobs"] == before


def test_missing_required_setting_is_named(anybody: Client) -> None:
    """A setting that the job type calls required has to be there; the refusal names it."""
    response = anybody.call("submitJob", {"name": "n", "type": "echo", "priority": 1, "settings": {}})
    assert response.status_code == 400
    assert "message" in response.json()["message"]


@pytest.mark.parametrize("status", ["soft-failed", "cancel-requested"])
def test_statuses_that_workers_do_not_set(anybody: Client, status: str) -> None:
    """What only the manager decides, a worker cannot report."""
    worker = anybody.register()
    worker.wake()
    anybody.call("submitJob", echo_job())
    task = worker.take()
    response = worker.call("taskUpdate", {"taskStatus": status}, about=task["uuid"])
    assert response.status_code == 400
    assert "taskStatus" in response.json()["message"]
    assert worker.call("taskUpdate", {"taskStatus": "completed"}, about=task["uuid"]).status_code == 204


def test_a_tasks_log_may_say_anything(anybody: Client) -> None:
    """Whatever a program prints can be reported, also what no database keeps."""
    worker = anybody.register()
    worker.wake()
    anybody.call("submitJob", echo_job())
    task = worker.take()
    update = {"log": "a\0b \U0001f3ac\n", "activity": "a\0b", "taskStatus": "completed"}
    assert worker.call("taskUpdate", update, about=task["uuid"]).status_code == 204


@pytest.mark.parametrize("operation", ["fetchJob", "taskUpdate"])
@pytest.mark.parametrize(
    ("identifier", "status"),
    [
        (NOBODY, 404),
        (NOBODY.upper(), 404),
        ("1", 400),
        ("None", 400),
        (NOBODY.replace("-", ""), 400),
        (f"{{{NOBODY}}}", 400),
        (NOBODY[:-1] + "g", 400),
        (NOBODY + "%00", 400),
        ("%ff%fe", 400),
        ("%F0%9F%8E%AC", 400),
        ("' OR 1=1", 400),
    ],
)
def test_identifiers_in_paths(anybody: Client, operation: str, identifier: str, status: int) -> None:
    """What is no UUID is a 400 that names the parameter; a UUID of nothing is a 404."""
    worker = anybody.register()
    name = {"fetchJob": "job_id", "taskUpdate": "task_id"}[operation]
    response = worker.send(operation, GOOD_BODIES.get(operation), about=identifier)
    assert response.status_code == status
    assert response.json()["code"] == status
    assert (f"{name}: " in response.json()["message"]) == (status == 400)


@pytest.mark.parametrize("operation", [name for name in PATHS if name.startswith(("sign", "worker", "task", "sched"))])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + "A" * 4_000,
        "Bearer abc",
        "Basic " + b64encode(b"no colon").decode(),
        "Basic " + b64encode(b"\xff:\xff").decode(),
        "Basic " + b64encode(b":").decode(),
        "Basic " + b64encode(b"a\0b:c").decode(),
        "Basic " + b64encode(f"{NOBODY}:{SECRET}".encode()).decode(),
        "wrong secret",
    ],
    ids=lambda value: str(value)[:20],
)
def test_who_is_not_a_worker_is_refused(anybody: Client, operation: str, authorization: str | None) -> None:
    """Without a worker's UUID and its secret everything of workers is 403, whatever else is wrong with the request."""
    if authorization == "wrong secret":
        worker_id, _ = anybody.register().auth or ("", "")
        authorization = "Basic " + b64encode(f"{worker_id}:{SECRET}!".encode()).decode()
    headers = {} if authorization is None else {"authorization": authorization}
    response = anybody.send(operation, headers=headers, about="1")
    assert response.status_code == 403
    assert response.json().keys() == {"code", "message"}
    assert "www-authenticate" not in response.headers
