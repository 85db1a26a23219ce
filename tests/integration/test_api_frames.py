"""Frames again and skipped tasks, over HTTP: for our own clients, and as today's see what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flamenco.domain.access import Role
from flamenco.domain.model import Job
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import audit, tasks
from flamenco.farm.context import Farm
from tests.conftest import authored_job
from tests.integration.entering import Client, access, add_user, basic, with_token
from tests.integration.farming import SECRET, new_worker, run_next, statuses, store_job
from tests.integration.framing import render_job, render_task, shown
from tests.integration.waiting import check_counters


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What the farm does on both databases is tried elsewhere."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def done(farm: Farm) -> Job:
    """A job that is completed."""
    job = render_job(farm, "1-4", "5-8")
    worker = new_worker(farm)
    for _ in range(3):
        run_next(farm, worker)
    return job


def test_frames_are_split_off(farm: Farm, done: Job) -> None:
    """The answer says what was done, with the ids of the new tasks; trying it before says what would be."""
    client = Client(farm)
    path = f"/api/x/jobs/{done.id}/frames"
    tried = client.post(path, {"frames": "6,1-4", "mode": "split", "dry_run": True}).json
    assert tried["created"] == [{"id": "", "name": "render-5-8", "frames": "6"}]
    answer = client.post(path, {"frames": "6,1-4", "mode": "split", "reason": "too dark"})
    assert answer.status_code == 200, answer.text
    first, _, _, new = tasks.of_job(farm, done.id)
    assert answer.json == {
        "frames": "1-4,6",
        "requeued": [{"id": first.id, "name": "render-1-4", "frames": "1-4"}],
        "created": [{"id": new.id, "name": "render-6", "frames": "6"}],
        "waiting": 0,
        "following": 1,
        "notes": [],
    }
    again = client.post(path, {"frames": "6"}).json
    assert (again["requeued"], again["waiting"]) == ([], 1)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"frames": "9"}, 400, "No task of the job has the frames 9; its tasks go from 1 to 8."),
        ({"frames": "nine"}, 400, '"nine" is not a number'),
        ({"frames": ""}, 400, "frames"),
        ({"frames": "1," * 6000}, 400, "frames"),
        ({"frames": "1-8x0"}, 400, "the step must be 1 or more"),
        ({"frames": "1", "mode": "new"}, 400, "mode"),
        ({}, 400, "frames"),
    ],
)
def test_what_is_refused(farm: Farm, done: Job, body: dict[str, Any], status: int, said: str) -> None:
    """With a sentence that says what is wrong; nothing is changed."""
    answer = Client(farm).post(f"/api/x/jobs/{done.id}/frames", body)
    assert answer.status_code == status, answer.text
    assert said in answer.json["message"]
    assert statuses(farm, done) == ["completed"] * 4


def test_it_is_an_action_as_well(farm: Farm, done: Job) -> None:
    """Of several jobs at once; each that has no such frames is refused."""
    other = render_job(farm, "1-2", name="other", video=False)
    body = {"action": "frames", "ids": [done.id, other.id], "arguments": {"frames": "7-8", "mode": "split"}}
    for dry_run in (True, False):
        outcome = Client(farm).post("/api/x/jobs/actions", {**body, "dry_run": dry_run}).json
        assert (outcome["matched"], outcome["done"]) == (2, 0 if dry_run else 1)
        assert outcome["refused"][0]["reason"].startswith("No task of the job has the frames 7,8")
    assert shown(farm, done)["render-7"] == "7 queued"
    del body["arguments"]
    assert "the action frames needs it" in Client(farm).post("/api/x/jobs/actions", body).json["message"]


def test_tasks_are_skipped(farm: Farm) -> None:
    """By their ids, or all that a filter leaves in; it says who did it."""
    job = render_job(farm, "1-4", "5-8")
    for task in tasks.of_job(farm, job.id)[:2]:
        tasks.set_status(farm, task.id, TaskStatus.FAILED, "broken")
    client = Client(farm)
    body: dict[str, Any] = {"action": "skip", "filter": {"job_id": job.id, "status": ["failed"]}}
    assert client.post("/api/x/tasks/actions", {**body, "dry_run": True}).json["matched"] == 2
    assert client.post("/api/x/tasks/actions", body).json["done"] == 2
    assert statuses(farm, job) == ["queued", "completed", "completed", "queued"]
    assert tasks.of_job(farm, job.id)[0].activity == "skipped by a person"
    ids = [task.id for task in tasks.of_job(farm, job.id)]
    outcome = client.post("/api/x/tasks/actions", {"action": "skip", "ids": ids, "arguments": {"reason": "no"}}).json
    assert (outcome["done"], outcome["refused_count"]) == (1, 2)
    assert "It is completed; only what is" in outcome["refused"][0]["reason"]
    assert statuses(farm, job) == ["completed"] * 4


def test_who_may(make_farm: Callable[..., Farm]) -> None:
    """Artists with their own jobs, wranglers with those of everybody; it is on record."""
    farm = make_farm(**access("login"))
    for name in ("anna", "bert"):
        add_user(farm, name, Role.ARTIST)
    job = store_job(farm, authored_job(render_task("1-4"), name="shot", metadata={"user.name": "anna"}))
    path, body = f"/api/x/jobs/{job.id}/frames", {"frames": "2", "mode": "split"}
    assert with_token(farm, Role.ARTIST, user="bert").post(path, body).status_code == 403
    assert with_token(farm, Role.VIEW).post(path, body).status_code == 403
    assert with_token(farm, Role.ARTIST, user="anna").post(path, body).status_code == 200
    assert with_token(farm, Role.WRANGLER).post(path, {"frames": "3", "mode": "split"}).status_code == 200
    second, first = (each for each in audit.records(farm, 10) if each.operation == "runFramesAgain")
    assert (first.who, first.kind, first.object_id) == ("anna", "job", job.id)
    assert second.after == {"frames": "3", "mode": "split", "reason": f"requested by {second.who}"}


def test_clients_of_today_see_ordinary_tasks(farm: Farm, done: Job) -> None:
    """In their lists, with all that others have; a worker is given one, and reports on it."""
    client = Client(farm)
    before = client.get(f"/api/v3/jobs/{done.id}/tasks").json["tasks"]
    client.post(f"/api/x/jobs/{done.id}/frames", {"frames": "6", "mode": "split"})
    after = client.get(f"/api/v3/jobs/{done.id}/tasks").json["tasks"]
    assert [task["name"] for task in after] == [*(task["name"] for task in before), "render-6"]
    assert (after[3]["status"], after[3]["task_type"]) == ("queued", "blender")
    assert set(after[3]) == set(before[0])
    about = client.get(f"/api/v3/tasks/{after[3]['id']}").json
    assert set(client.get(f"/api/v3/tasks/{after[0]['id']}").json) - set(about) <= {"worker", "last_touched"}
    assert about["commands"][0]["parameters"]["args"][-2:] == ["--render-frame", "6"]
    job = client.get(f"/api/v3/jobs/{done.id}").json
    assert (job["status"], job["activity"]) == ("queued", 'Changed to status "queued": requested by a person')
    speaker = new_worker(farm, "existing")
    existing = Client(farm, basic(speaker.id, SECRET))
    given = existing.post("/api/v3/worker/task").json
    assert (given["name"], given["commands"][0]["total_step_count"]) == ("render-6", 1)
    report = {"taskStatus": "completed", "stepsCompleted": 1, "log": "done"}
    assert existing.post(f"/api/v3/worker/task/{given['uuid']}", report).status_code == 204
    check_counters(farm)
    assert shown(farm, done)["render-6"] == "6 completed"
