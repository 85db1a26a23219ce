"""Property-based requests made from our own OpenAPI documents, against a real manager: no 5xx, nothing undocumented."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import missing_required_header, positive_data_acceptance

from flamenco.api.openapi import document
from flamenco.api.routes import SURFACES
from tests.acceptance.conftest import Manager

pytestmark = pytest.mark.acceptance

V1, V3, X = (schemathesis.openapi.from_dict(document(SURFACES[name])) for name in ("v1", "v3", "x"))

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""The same requests every time, and not too many; shrinking a failure would take longer than reading it."""


class Known(NamedTuple):
    """What exists in the manager, for requests that are about something."""

    headers: dict[str, str]
    identifiers: dict[str, str]


@pytest.fixture(scope="module")
def known(shared_manager: Manager) -> Known:
    """A worker that is awake, and the task it runs, of a job with many."""
    with httpx.Client(base_url=f"{shared_manager.url}/api") as client:
        about = {"supported_task_types": ["misc"], "nickname": "fuzz"}
        worker = client.post("/worker/register-worker", json=about | {"secret": "s", "platform": "linux"}).json()
        client.auth = (worker["uuid"], "s")
        client.post("/worker/sign-on", json=about | {"software_version": "1"})
        client.post("/worker/state-changed", json={"status": "awake"})
        client.post(
            "/jobs", json={"name": "n", "type": "echo", "priority": 1, "settings": {"message": "m", "count": 200}}
        )
        task = client.post("/worker/task").json()
    credentials = b64encode(f"{worker['uuid']}:s".encode()).decode()
    identifiers = {"task_id": task["uuid"], "job_id": task["job"], "worker_id": worker["uuid"]}
    return Known({"Authorization": f"Basic {credentials}"}, identifiers)


def check(case: Any, manager: Manager, known: Known) -> None:
    """Send the request, and hold the answer against all that the document says.

    Where the request is one that should work, it is about something that exists. Two checks do not apply: that
    whoever does not authenticate gets a 401, since the contract says 403; and that every job that looks like one is
    accepted, since a document cannot say which job types there are.
    """
    if case.meta.generation.mode is GenerationMode.POSITIVE and case.path_parameters:
        case.path_parameters.update({name: known.identifiers[name] for name in case.path_parameters})
    excluded = [missing_required_header]
    if case.operation.definition.raw["operationId"] == "submitJob":
        excluded.append(positive_data_acceptance)
    response = case.call_and_validate(base_url=manager.url, headers=known.headers, excluded_checks=excluded)
    assert response.status_code < 500


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


@X.parametrize()
@bounded
def test_x(case: Any, shared_manager: Manager, known: Known) -> None:
    """And so do our own additions."""
    check(case, shared_manager, known)
