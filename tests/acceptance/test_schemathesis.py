"""Property-based requests made from our own OpenAPI documents, against a real manager: no 5xx, nothing undocumented."""

from __future__ import annotations

import hashlib
import uuid
from base64 import b64encode
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
)

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES
from tests.acceptance.conftest import Manager

pytestmark = pytest.mark.long

V1, V3, X = (schemathesis.openapi.from_dict(document(SURFACES[name])) for name in ("v1", "v3", "x"))

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""Not too many requests, and the same ones as long as the same modules are imported, of which hypothesis tries the
constants; shrinking a failure would take longer than reading it."""


class Known(NamedTuple):
    """What exists in the manager, for requests that are about something."""

    headers: dict[str, str]
    identifiers: dict[str, str]
    to_delete: dict[str, str]
    stored: dict[str, Any]


@pytest.fixture(scope="module")
def known(shared_manager: Manager) -> Known:
    """A worker that is awake, and the task it runs, of a job with many; and the like that nobody will miss."""
    with httpx.Client(base_url=shared_manager.url) as client:
        about = {"supported_task_types": ["misc"], "name": "fuzz"}
        job = {"name": "n", "type": "echo", "submitter_platform": "linux", "settings": {"message": "m", "count": 200}}

        def post(path: str, body: Any = None) -> Any:
            answer = client.post(f"/api/v3{path}", json=body)
            return answer.json() if answer.content else None

        workers = [
            post("/worker/register-worker", about | {"secret": "a secret of enough letters", "platform": "linux"})[
                "uuid"
            ]
            for _ in range(2)
        ]
        tags = [post("/worker-mgt/tags", {"name": name})["id"] for name in ("kept", "deleted")]
        jobs = [post("/jobs", job | {"priority": priority})["id"] for priority in (100, 1)]
        client.auth = (workers[0], "a secret of enough letters")
        post("/worker/sign-on", about | {"software_version": "1"})
        post("/worker/state-changed", {"status": "awake"})
        task = post("/worker/task")
        assert task["job"] == jobs[0]
    credentials = b64encode(f"{workers[0]}:s".encode()).decode()
    kept = {"task_id": task["uuid"], "job_id": jobs[0], "worker_id": workers[0], "tag_id": tags[0]}
    to_delete = {"job_id": jobs[1], "worker_id": workers[1], "tag_id": tags[1]}
    stored = {"sha": hashlib.sha256(b"stored").hexdigest(), "size": len(b"stored")}
    url = f"{shared_manager.url}/api/v3/shaman/files/{stored['sha']}/{stored['size']}"
    assert httpx.post(url, content=b"stored", headers={"Content-Type": "application/octet-stream"}).is_success
    return Known({"Authorization": f"Basic {credentials}"}, kept | {"typeName": "echo"}, to_delete, stored)


CHOOSY = frozenset(
    {
        # Whether a job, an image, a file, a time or a setting will do, a document cannot say.
        *(
            "submitJob",
            "submitJobCheck",
            "compileJob",
            "taskOutputProduced",
            "updateConfigurationFile",
            "changeSettings",
            "setUp",
            "setWorkerSleepSchedule",
        ),
        *("shamanCheckoutRequirements", "shamanCheckout", "shamanFileStore", "shamanFileStoreCheck"),
        # Nor what there is in this farm: tags, jobs, entries of a list, workers that can restart.
        *("setJobTag", "deleteJobMass", "removeJobBlocklist", "requestWorkerStatusChange", "createWorkerTag"),
        *("updateWorkerTag", "saveSetupAssistantConfig", "signOn"),
        # Nor which arguments go with an action, and which texts are regular expressions.
        *("actOnJobs", "actOnTasks", "actOnWorkers", "searchTaskLog"),
    }
)
"""Operations that may refuse what looks right."""

LENIENT = frozenset({"getVariables", "getSharedStorage", "getEvents"})
"""Operations that take whatever audience stands in their path; and a list of nothing for an empty one."""

PAGED = frozenset({"listJobs", "listTasks", "listWorkers", "getJobAttempts"})
"""Operations of which each page says itself what the next one is after."""

SAID_BY_FLAMENCO = {
    "shamanCheckout": "unexpected error: ",
}
"""What depends on the farm's state and is answered with 500, since today's clients know it that way: checkouts that
cannot be made."""

TOO_LARGE = frozenset({HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_URI_TOO_LONG})
"""With which a request is refused before anybody looks at what is in it."""


def stay_possible(operation: str, body: Any, known: Known) -> None:
    """Change a body that is well formed, where the farm could not do what it asks for, and would say so with 500."""
    if operation in ("createWorkerTag", "updateWorkerTag"):
        body["name"] = str(uuid.uuid4())
        if body.get("id"):
            body["id"] = str(uuid.uuid4())
    if operation == "submitJob" and body.get("worker_tag"):
        body["worker_tag"] = known.identifiers["tag_id"]
    if operation == "shamanCheckout":
        body["checkoutPath"] = f"generated/{uuid.uuid4()}"
        for file in body["files"]:
            file.update(known.stored, path=f"folder/{uuid.uuid4()}")


def check(case: Any, manager: Manager, known: Known, *, any_state: bool = False) -> None:
    """Send the request, and hold the answer against all that the document says, and that it is no 5xx.

    Where the request is one that should work, it is about something that exists. With `any_state` it may also ask for
    what is answered as `SAID_BY_FLAMENCO`. One check never applies: that whoever does not authenticate gets a 401,
    since the contract says 403.
    """
    operation = case.operation.definition.raw["operationId"]
    is_good = case.meta.generation.mode is GenerationMode.POSITIVE
    if is_good and not any_state:
        stay_possible(operation, case.body, known)
    if is_good and case.path_parameters:
        found = known.to_delete if operation.startswith("delete") else known.identifiers
        case.path_parameters.update({name: found[name] for name in case.path_parameters if name in found})
    if operation == "saveSetupAssistantConfig" and is_good and isinstance(case.body, dict):
        case.body["blenderExecutable"]["is_usable"] = False  # the manager would start anew
    if operation == "updateConfigurationFile" and isinstance(case.body, dict):
        case.body["no such setting"] = 0  # likewise
    if operation.startswith("actOn") and isinstance(case.body, dict) and is_good:
        case.body["dry_run"] = True  # what exists is to be there for the others
    if is_good and operation in PAGED and case.query:
        case.query.pop("after", None)  # only a page says where it ended
    excluded = [missing_required_header]
    if operation in CHOOSY:
        excluded.append(positive_data_acceptance)
    if operation in LENIENT:
        excluded += [negative_data_rejection, *([] if is_good else [response_schema_conformance])]
    if any_state:
        excluded.append(not_a_server_error)
    if operation == "getEvents" and case.query and "wait" in case.query:
        case.query["wait"] = 0  # nothing is about to happen
    how = {"base_url": manager.url, "headers": known.headers}
    response = case.call(**how)
    if response.status_code in TOO_LARGE:
        excluded.append(negative_data_rejection)  # for which that is none
    case.validate_response(response, headers=known.headers, excluded_checks=excluded, transport_kwargs=how)
    if response.status_code >= 500:
        assert any_state
        assert response.status_code == 500
        assert response.json()["message"].startswith(SAID_BY_FLAMENCO[operation])


@V1.parametrize()
@bounded
def test_v1(case: Any, shared_manager: Manager, known: Known) -> None:
    """The original API answers whatever its document allows, and refuses the rest, as the document says."""
    check(case, shared_manager, known)


@V3.parametrize()
@bounded
def test_v3(case: Any, shared_manager: Manager, known: Known) -> None:
    """So does the API of today's Flamenco."""
    check(case, shared_manager, known)


@V3.include(operation_id=list(SAID_BY_FLAMENCO)).parametrize()
@bounded
def test_v3_in_any_state(case: Any, shared_manager: Manager, known: Known) -> None:
    """Whatever is asked for, the only 5xx are those of today's Flamenco, in its words."""
    check(case, shared_manager, known, any_state=True)


@X.parametrize()
@bounded
def test_x(case: Any, shared_manager: Manager, known: Known) -> None:
    """And so do our own additions."""
    check(case, shared_manager, known)
