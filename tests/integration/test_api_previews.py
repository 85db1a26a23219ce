"""The order of frames, and previews, by what programs send and are answered."""

from __future__ import annotations

from typing import Any

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from tests.integration.farming import new_worker, run_next

SCRIPT = {"script": "/mnt/farm/shot.sh", "frames": "1-10"}


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """A manager, called directly."""
    return testing.TestClient(create_app(farm))


def submitted(client: testing.TestClient, **said: Any) -> testing.Result:
    """The answer to a submission."""
    body = {"name": "Shot", "type": "frame-script", "settings": SCRIPT, **said}
    return client.simulate_post("/api/x/jobs", json=body)


def test_a_submission_says_it(farm: Farm, client: testing.TestClient) -> None:
    """And the job tells of it, until it is approved and after that."""
    preview = {"frames": "first,last", "then": "ask", "continue_after": "4h"}
    answer = submitted(client, order="backward", preview=preview)
    assert answer.status_code == 200, answer.text
    path = f"/api/x/jobs/{answer.json['id']}"
    told = client.simulate_get(path).json
    assert (told["order"], told["preview"]) == ("backward", "rendering")
    expected = {"frames": "first,last", "then": "ask", "state": "rendering"}
    assert told["previewed"] == {**expected, "tasks": 2, "done": 0, "failed": 0, "held": 8}
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["frames-10", "frames-1"]
    told = client.simulate_get(path).json
    assert (told["previewed"]["state"], told["previewed"]["done"]) == ("waiting", 2)
    assert {"ready", "continues"} < told["previewed"].keys()
    (row,) = client.simulate_get("/api/x/jobs").json["jobs"]
    assert (row["preview"], row["status"]) == ("waiting", "active")
    done = client.simulate_post("/api/x/jobs/actions", json={"action": "approve", "ids": [answer.json["id"]]})
    assert done.json["done"] == 1
    assert client.simulate_get(path).json["preview"] == "over"
    changed = {"action": "order", "ids": [answer.json["id"]], "arguments": {"order": "every 3"}}
    undo = client.simulate_post("/api/x/jobs/actions", json=changed).json["undo"]
    assert undo == [{"ids": [answer.json["id"]], "action": "order", "arguments": {"order": "backward"}}]


def test_those_that_somebody_is_to_look_at(farm: Farm, client: testing.TestClient) -> None:
    """Are asked for, alone, by lists and by what is done to all that match; until they are approved, or given up."""
    waiting, given_up, rendering, _ = (
        submitted(client, name=name, preview={"frames": "1"} if name != "d" else None).json["id"] for name in "abcd"
    )
    worker = new_worker(farm)
    assert [run_next(farm, worker) for _ in range(2)] == ["frames-1"] * 2
    path = "/api/x/jobs?waiting_for_approval=true&sort=name"
    assert [job["name"] for job in client.simulate_get(path).json["jobs"]] == ["a", "b"]
    assert client.simulate_get("/api/x/jobs?waiting_for_approval=false").json["total"] == 4
    cancel = {"status": "cancel-requested", "reason": "test"}
    assert client.simulate_post(f"/api/v3/jobs/{given_up}/setstatus", json=cancel).status_code == 204
    answer = client.simulate_get(path).json
    assert ([job["id"] for job in answer["jobs"]], sum(answer["counts"].values())) == ([waiting], 1)
    wanted = {"action": "approve", "filter": {"waiting_for_approval": True}}
    assert client.simulate_post("/api/x/jobs/actions", json=wanted).json["done"] == 1
    assert client.simulate_get(path).json["total"] == 0
    assert client.simulate_get(f"/api/x/jobs/{rendering}").json["preview"] == "rendering"


def test_the_metadata_of_existing_clients(farm: Farm, client: testing.TestClient) -> None:
    """Say the same; what they are answered is what it always was."""
    body = {"name": "Shot", "type": "frame-script", "priority": 50, "submitter_platform": "linux", "settings": SCRIPT}
    said = {"flamenco.order": "middle-out", "flamenco.preview": "5"}
    plain, asked = (
        client.simulate_post("/api/v3/jobs", json={**body, "metadata": metadata}).json for metadata in ({}, said)
    )
    assert plain.keys() == asked.keys() - {"metadata"} or plain.keys() == asked.keys()
    worker = new_worker(farm)
    for _ in range(10):
        run_next(farm, worker)
    assert run_next(farm, worker) == "frames-5"
    now = client.simulate_get(f"/api/v3/jobs/{asked['id']}").json
    assert (now["status"], now["activity"]) == ("active", "Waiting for approval: the preview (5) is there.")
    before = client.simulate_get(f"/api/v3/jobs/{plain['id']}").json
    assert before.keys() - {"metadata"} == now.keys() - {"metadata"}
    tasks = client.simulate_get(f"/api/v3/jobs/{asked['id']}/tasks").json["tasks"]
    assert [task["status"] for task in tasks].count("queued") == 9


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"order": "sideways"}, "'sideways' is no order of frames"),
        ({"preview": {"frames": "200"}}, "no task of the job has the frames 200"),
        ({"preview": {"frames": "frist"}}, "write such as first,middle,last"),
        ({"preview": {"frames": "first", "continue_after": "soon"}}, "is not a duration"),
        ({"preview": {"frames": "first", "then": "cancel"}}, "then"),
        ({"preview": {"frames": ""}}, "frames"),
        ({"metadata": {"flamenco.order": "sideways"}}, "'sideways' is no order of frames"),
        ({"metadata": {"flamenco.preview_then": "ask"}}, "which frames?"),
    ],
)
def test_what_is_refused(client: testing.TestClient, said: dict[str, Any], complaint: str) -> None:
    """With a sentence; nothing is stored."""
    answer = submitted(client, **said)
    assert answer.status_code == 400, answer.text
    assert complaint in answer.json["message"]
    assert client.simulate_get("/api/x/jobs").json["total"] == 0


def test_what_would_be_stored(client: testing.TestClient) -> None:
    """Is told with the places of its tasks, and which are held."""
    body = {"name": "Shot", "type": "frame-script", "settings": SCRIPT, "preview": {"frames": "last"}}
    tasks = client.simulate_post("/api/x/jobs/compile", json=body).json["tasks"]
    assert [task["wave"] for task in tasks] == [2] * 9 + [1]
    assert [task["ord"] for task in tasks] == [*range(2, 11), 1]
