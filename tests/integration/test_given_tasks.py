"""What a worker was given last: the newest first, with what came of it, and no more than is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing
from sqlalchemy import text

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.domain.access import Role
from flamenco.domain.model import Worker
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import deletion
from flamenco.farm.context import Farm
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.entering import access, add_user, with_token
from tests.integration.farming import new_worker, report, store_job, take
from tests.integration.test_delivery import serving

pytestmark = pytest.mark.postgresql

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def given(farm: Farm, worker_id: str, query: str = "", status: int = 200) -> Any:
    """What the API says of a worker's tasks."""
    answer = testing.TestClient(create_app(farm)).simulate_get(f"/api/x/workers/{worker_id}/tasks{query}")
    assert answer.status_code == status, answer.text
    return answer.json.get("tasks")


def work(farm: Farm, clock: Clock) -> Worker:
    """A worker that has done one task, failed at another, and is at a third for seven seconds."""
    store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(20)), name="shot"))
    worker, _ = new_worker(farm, "first"), new_worker(farm, "second")
    report(farm, worker, take(farm, worker), TaskStatus.COMPLETED)
    clock.forward(10)
    failing = take(farm, worker)
    clock.forward(5)
    report(farm, worker, failing, TaskStatus.FAILED, activity="no disk")
    clock.forward(1)
    take(farm, worker)
    clock.forward(7)
    return worker


def test_the_newest_is_first(farm: Farm, clock: Clock) -> None:
    """With its job, how long it took, and why it ended so; what another worker was given since is the other's."""
    worker = work(farm, clock)
    found = given(farm, worker.id)
    assert [(each["job"]["name"], each["task"]["index"], each["outcome"], each["seconds"]) for each in found] == [
        ("shot", 3, "active", 7),
        ("shot", 2, "failed", 5),
        ("shot", 1, "completed", 0),
    ]
    assert "no disk" in found[1]["reason"]
    assert [each["task"]["index"] for each in given(farm, worker.id, "?limit=1")] == [3]
    given(farm, worker.id, "?limit=101", 400)
    given(farm, found[0]["job"]["id"], "", 404)
    other = new_worker(farm, "third")
    assert given(farm, other.id) == []
    assert take(farm, other).task.name == "t1"
    assert [each["task"]["index"] for each in given(farm, worker.id)] == [3, 1]


def test_before_attempts_were_kept(farm: Farm, clock: Clock) -> None:
    """Of a task of long ago it is known that it was given, and no more."""
    worker = work(farm, clock)
    with farm.store.write() as tx:
        tx.execute(text("DELETE FROM attempts"))
    assert [each.get("outcome") for each in given(farm, worker.id)] == ["active", None, None]
    assert "seconds" not in given(farm, worker.id)[1]


def test_a_job_that_is_being_deleted(farm: Farm, clock: Clock) -> None:
    """It is there for nobody any more."""
    worker = work(farm, clock)
    deletion.request(farm, given(farm, worker.id)[0]["job"]["id"])
    assert given(farm, worker.id) == []


@ON_SQLITE
def test_names_of_jobs_are_for_who_may_see_jobs(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """A program that may see its own jobs alone sees none of others."""
    farm = make_farm(**access("login", "open"))
    worker = work(farm, clock)
    add_user(farm, "anna", Role.ARTIST)
    path = f"/api/x/workers/{worker.id}/tasks"
    assert len(with_token(farm, Role.VIEW).get(path).json["tasks"]) == 3
    assert with_token(farm, Role.SUBMIT, user="anna").get(path).json == {"tasks": []}
    with farm.store.write() as tx:
        tx.execute(text("UPDATE jobs SET owner = 'anna' WHERE name = 'shot'"))
    assert len(with_token(farm, Role.SUBMIT, user="anna").get(path).json["tasks"]) == 3
    assert with_token(farm, Role.REGISTER).get(path).status_code == 403


@ON_SQLITE
def test_on_the_command_line(farm: Farm, clock: Clock) -> None:
    """For people and for programs."""
    work(farm, clock)
    idle = new_worker(farm, "idle")
    with serving(farm) as url:

        def run(*words: str) -> str:
            done = CliRunner().invoke(main, ["workers", "tasks", *words, "--manager", url])
            assert done.exit_code == 0, done.output
            return done.stdout

        title, active, failed, done = run("first").splitlines()
        assert title.split() == ["Given", "Took", "Outcome", "Job", "#", "Task", "Why"]
        assert ("active" in active, "no disk" in failed, "completed" in done) == (True, True, True)
        found = json.loads(run("first", "--limit", "2", "--json"))
        assert [each["task"]["name"] for each in found] == ["t2", "t1"]
        assert "nothing yet" in run(idle.name)
