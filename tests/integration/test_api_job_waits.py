"""What jobs wait for, over HTTP: as they are submitted, and later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flamenco.domain.access import Role
from flamenco.domain.model import Job
from flamenco.domain.statuses import JobStatus
from flamenco.farm import jobs, telling
from flamenco.farm.context import Farm
from flamenco.farm.following import follow
from tests.integration.entering import PUBLIC_ADDRESS, Client, access, with_token
from tests.integration.waiting import frames_job


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What the farm does on both databases is tried elsewhere."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def sim(farm: Farm) -> Job:
    """A job to wait for."""
    return frames_job(farm, "1", "2", name="sim")


def submission(**said: Any) -> dict[str, Any]:
    """A job that says hello."""
    settings = {"message": "hello", "sleep_duration_seconds": 1, "sleep_repeats": 0}
    return {"name": "light", "type": "echo-sleep-test", "settings": settings, **said}


def test_a_job_waits_from_its_submission_on(farm: Farm, sim: Job) -> None:
    """It is queued, and says what it waits for; both jobs show it."""
    client = Client(farm)
    answer = client.post("/api/x/jobs", submission(depends_on=[{"job": sim.id.upper(), "when": "ended"}]))
    assert answer.status_code == 200, answer.text
    light = answer.json
    assert (light["status"], light["activity"]) == ("queued", f'Waits until the job "sim" ({sim.id[:8]}) is over.')
    assert client.get(f"/api/x/jobs/{light['id']}/dependencies").json == {
        "waits_for": [
            {
                "job": sim.id,
                "name": "sim",
                "status": "queued",
                "kind": "all",
                "when": "ended",
                "offset": [0, 0],
                "state": "waiting",
                "keeps_job": True,
                "reason": light["activity"],
            }
        ],
        "waited_for_by": [],
    }
    assert client.get(f"/api/x/jobs/{sim.id}/dependencies").json["waited_for_by"] == [
        {"job": light["id"], "name": "light", "status": "queued", "kind": "all", "state": "waiting"}
    ]


def test_the_add_on_says_it_in_metadata(farm: Farm, sim: Job) -> None:
    """For it, the job is queued, with an activity that tells why nothing happens yet."""
    client = Client(farm)
    body = submission(metadata={"flamenco.depends_on": sim.id}, submitter_platform="linux", priority=50)
    light = client.post("/api/v3/jobs", body).json
    assert (light["status"], light["activity"][:5]) == ("queued", "Waits")
    assert set(light) == set(client.post("/api/v3/jobs", body | {"metadata": {}}).json)
    refused = client.post("/api/v3/jobs", body | {"metadata": {"flamenco.depends_on": f"{sim.id}:parts"}})
    assert refused.status_code == 400
    assert "behind the colon comes all or frames" in refused.json["message"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            [{"job": "6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"}],
            "There is no job 6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a to wait",
        ),
        ([{"job": "SIM"}, {"job": "SIM", "kind": "frames"}], "is to be waited for in two ways"),
        ([{"job": "SIM", "offset": [2, 1]}], "goes backwards; write [1, 2]"),
        ([{"job": "SIM", "kind": "frames"}], "says which frames it is about"),
        ([{"job": "SIM", "kind": "parts"}], "depends_on[0].kind"),
        ([{"job": "SIM", "offset": 10**9}], "depends_on[0].offset"),
        ([{"job": ""}], "depends_on[0].job"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(farm: Farm, sim: Job, asked: list[dict[str, Any]], said: str) -> None:
    """With a sentence, and nothing is stored."""
    asked = [each | {"job": each["job"].replace("SIM", sim.id)} for each in asked]
    answer = Client(farm).post("/api/x/jobs", submission(depends_on=asked))
    assert (answer.status_code, said in answer.json["message"]) == (400, True), answer.text
    assert Client(farm).get("/api/x/jobs").json["total"] == 1


def test_dependencies_are_added_satisfied_and_dropped(farm: Farm, sim: Job) -> None:
    """And who follows the events is told each time."""
    client, light = Client(farm), frames_job(farm, "1", "2", name="light")
    where = f"/api/x/jobs/{light.id}/dependencies"
    added = client.post(where, {"job": sim.id, "kind": "frames", "offset": -1})
    assert (added.json["state"], added.json["offset"], added.json["keeps_job"]) == ("counting", [-1, -1], True)
    telling.tell_all(farm)
    assert client.get(where).json["waits_for"][0]["state"] == "waiting"
    assert client.post(where, {"job": sim.id}).status_code == 409
    circle = client.post(f"/api/x/jobs/{sim.id}/dependencies", {"job": light.id})
    assert (circle.status_code, "wait for each other" in circle.json["message"]) == (400, True)
    assert client.post(f"{where}/{sim.id}/satisfy").status_code == 204
    assert client.post(f"{where}/{sim.id}/satisfy").status_code == 409
    assert client.ask("DELETE", f"{where}/{sim.id}").status_code == 204
    assert client.ask("DELETE", f"{where}/{sim.id}").status_code == 404
    told = [event.payload for event in follow(farm, 0, ["/jobs"], 100, 0).events]
    assert len(told) == 3


def test_what_fails_is_said_with_the_dependency(farm: Farm, sim: Job) -> None:
    """Also once it is deleted, when it has no status any more."""
    client = Client(farm)
    light = client.post("/api/x/jobs", submission(depends_on=[{"job": sim.id}])).json
    jobs.set_status(farm, sim.id, JobStatus.FAILED, "test")
    telling.tell_all(farm)
    (found,) = client.get(f"/api/x/jobs/{light['id']}/dependencies").json["waits_for"]
    assert (found["state"], found["status"], found["reason"][:4]) == ("broken", "failed", "Held")


def test_nobody_waits_for_what_they_may_not_see(make_farm: Callable[..., Farm]) -> None:
    """A program that submits knows its own jobs alone."""
    farm = make_farm(**access("login"))
    sim = frames_job(farm, "1")
    client = with_token(farm, Role.SUBMIT, PUBLIC_ADDRESS)
    refused = client.post("/api/x/jobs", submission(depends_on=[{"job": sim.id}]))
    assert (refused.status_code, "of their own" in refused.json["message"]) == (403, True)
    own = client.post("/api/x/jobs", submission()).json
    assert client.post("/api/x/jobs", submission(depends_on=[{"job": own["id"]}])).status_code == 200


def test_a_look_at_the_tasks_refuses_as_well(farm: Farm) -> None:
    """What would be refused, before anybody submits it."""
    asked = submission(depends_on=[{"job": "6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"}])
    assert Client(farm).post("/api/x/jobs/compile", asked).status_code == 400
