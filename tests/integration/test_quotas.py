"""How much one client may hand in: no text, no list and no map without a limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec.inspect as mi
import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.api.operation import Operation
from flamenco.api.routes import SURFACES
from flamenco.domain.listing import JobQuery
from flamenco.farm import jobs, tags, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.tasks import LONGEST_ACTIVITY, TaskChange
from tests.conftest import authored_job, authored_task
from tests.integration.farming import SECRET, new_worker, store_job, take

UNLIMITED = {
    ("taskUpdate", "log"): "a log is as long as task_log_mb says, and no update is lost for its length",
    ("taskUpdate", "activity"): "of a long one the beginning is kept, and no update is lost for its length",
    ("shamanCheckoutRequirements", "files"): "a job may have any number of files, as long as the body may be",
    ("shamanCheckout", "files"): "the same",
}
"""What has no limit of its own besides that of the body, and why."""


def operations() -> Iterator[tuple[str, Operation]]:
    """Every operation that there is, with its surface."""
    for name, surface in SURFACES.items():
        for resource in surface.routes.values():
            found = {id(each): each for each in (getattr(part, "operation", None) for part in vars(resource).values())}
            yield from ((name, each) for each in found.values() if each is not None)


def unlimited(kind: mi.Type, place: str = "", inside: tuple[type, ...] = ()) -> Iterator[str]:
    """The places in a body where there may be a text, a list or a map of any length."""
    match kind:
        case mi.StrType(max_length=None):
            yield place
        case mi.ListType() | mi.VarTupleType():
            if kind.max_length is None:
                yield place
            yield from unlimited(kind.item_type, f"{place}[]", inside)
        case mi.DictType():
            if kind.max_length is None:
                yield place
            yield from unlimited(kind.key_type, f"{place} (key)", inside)
            yield from unlimited(kind.value_type, f"{place}{{}}", inside)
        case mi.UnionType():
            for each in kind.types:
                yield from unlimited(each, place, inside)
        case mi.Metadata():
            yield from unlimited(kind.type, place, inside)
        case mi.StructType() if kind.cls not in inside:
            for field in kind.fields:
                name = f"{place}.{field.encode_name}".lstrip(".")
                yield from unlimited(field.type, name, (*inside, kind.cls))


@pytest.mark.parametrize(("surface", "operation"), [pytest.param(*each, id=each[1].id) for each in operations()])
def test_everything_in_a_body_has_a_limit(surface: str, operation: Operation) -> None:
    """No text, no list and no map in any request is of any length, unless there is a reason, or a smaller body."""
    if operation.body is None or operation.body_limit:
        return
    found = [place for place in unlimited(mi.type_info(operation.body)) if (operation.id, place) not in UNLIMITED]
    assert not found, f"{surface} {operation.id}: without a limit: {', '.join(found)}"


def test_the_exceptions_are_there() -> None:
    """Each reason is that of something that there is."""
    known = {(each.id, place) for _, each in operations() if each.body for place in unlimited(mi.type_info(each.body))}
    assert set(UNLIMITED) <= known


REGISTRATION = {"secret": SECRET, "platform": "linux", "supported_task_types": ["misc"], "name": "w"}
JOB = {"name": "n", "type": "echo-sleep-test", "submitter_platform": "linux", "settings": {"message": "m"}}


def too_long(body: dict[str, Any], field: str, length: int, unit: str = "x") -> Any:
    """A row: a body whose field is as long as it may be, and one where it is longer by one."""
    return pytest.param(body | {field: unit * length}, body | {field: unit * (length + 1)}, length, id=field)


@pytest.mark.parametrize(
    ("fits", "is_too_long", "limit"),
    [
        too_long(REGISTRATION, "name", 255),
        too_long(REGISTRATION, "platform", 255),
        too_long(REGISTRATION, "secret", 10_000),
        pytest.param(
            REGISTRATION | {"supported_task_types": ["t" * 255] * 1000},
            REGISTRATION | {"supported_task_types": ["t" * 256]},
            255,
            id="a task type",
        ),
        pytest.param(
            REGISTRATION | {"supported_task_types": ["misc"] * 1000},
            REGISTRATION | {"supported_task_types": ["misc"] * 1001},
            1000,
            id="task types",
        ),
    ],
)
def test_registrations(farm: Farm, fits: dict[str, Any], is_too_long: dict[str, Any], limit: int) -> None:
    """What a worker says of itself has a limit: up to it all is well, beyond it is 400 with a sentence that has it."""
    client = testing.TestClient(create_app(farm))
    assert client.simulate_post("/api/v3/worker/register-worker", json=fits).status_code == 200
    refused = client.simulate_post("/api/v3/worker/register-worker", json=is_too_long)
    assert refused.status_code == 400
    assert f"<= {limit}" in refused.json["message"]
    assert len(workers.list_all(farm)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"name": "n" * 1001},
        {"type": "t" * 10_001},
        {"submitter_platform": "p" * 10_001},
        {"type_etag": "e" * 10_001},
        {"worker_tag": "t" * 10_001},
        {"storage": {"shaman_checkout_id": "c" * 10_001}},
        {"settings": {"message": "m", "k" * 1001: 1}},
        {"settings": {"message": "m" * 1_048_577}},
        {"settings": {"message": "m", "others": ["x" * 1_048_577]}},
        {"metadata": {"k" * 1001: "v"}},
        {"metadata": {"k": "v" * 100_001}},
    ],
    ids=" ".join,
)
def test_jobs(farm: Farm, more: dict[str, Any]) -> None:
    """A job with a text that is too long is 400 with a sentence of reasonable length, and nothing of it is stored."""
    client = testing.TestClient(create_app(farm))
    refused = client.simulate_post("/api/v3/jobs", json=JOB | more)
    assert refused.status_code == 400
    assert any(word in refused.json["message"] for word in ("length <=", "longer than", "too long"))
    assert len(refused.json["message"]) < 500
    assert jobs.matching(farm, JobQuery()) == []


def test_generous_jobs(farm: Farm) -> None:
    """Up to the limits a job is stored as it came, to the last character."""
    client = testing.TestClient(create_app(farm))
    settings = {"message": "ä" * 500_000} | {f"{number:0>1000}": number for number in range(999)}
    metadata = {"k" * 1000: "v" * 100_000} | {f"m{number}": "x" for number in range(999)}
    stored = client.simulate_post("/api/v3/jobs", json=JOB | {"settings": settings, "metadata": metadata})
    assert stored.status_code == 200
    assert stored.json["settings"] == settings
    assert stored.json["metadata"] == metadata


def test_tags(farm: Farm) -> None:
    """A tag's name and description have a limit, and a worker has so many tags at most."""
    client = testing.TestClient(create_app(farm))
    for body in ({"name": "t" * 256}, {"name": "t", "description": "d" * 10_001}):
        refused = client.simulate_post("/api/v3/worker-mgt/tags", json=body)
        assert refused.status_code == 400
        assert "length <=" in refused.json["message"]
    assert tags.list_all(farm) == []
    worker = new_worker(farm)
    path = f"/api/v3/worker-mgt/workers/{worker.id}/settags"
    refused = client.simulate_post(path, json={"tag_ids": ["00000000-0000-4000-8000-000000000000"] * 1001})
    assert refused.status_code == 400
    assert "<= 1000" in refused.json["message"]


def test_a_long_activity(farm: Farm) -> None:
    """Of what a worker says of its task the beginning is kept: the report counts, and its log is whole."""
    store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    assigned = take(farm, worker)
    tasks.update(farm, worker, assigned.task.id, TaskChange(activity="a" * 50_000, log="l" * 50_000, steps_completed=1))
    stored = tasks.details(farm, assigned.task.id).task
    assert stored.activity == "a" * (LONGEST_ACTIVITY - 1) + "…"
    assert stored.steps_completed == 1
    (log,) = farm.config.local_storage_path.glob("*/*/*")
    assert "l" * 50_000 in log.read_text()


def test_the_configuration(farm: Farm) -> None:
    """More than a mebibyte of settings is 413, and the file is as it was: there is none."""
    client = testing.TestClient(create_app(farm))
    refused = client.simulate_put("/api/v3/configuration/file", json={"manager_name": "n" * 2**20})
    assert refused.status_code == 413
    assert not farm.config_file.exists()


def test_errors_are_short(farm: Farm) -> None:
    """Of a value that is wrong no more is said again than helps."""
    client = testing.TestClient(create_app(farm))
    refused = client.simulate_post("/api/v3/jobs", json=JOB | {"initial_status": "q" * 9_000_000})
    assert refused.status_code == 400
    assert "is not one of" in refused.json["message"]
    assert len(refused.content) < 2000
