"""For how long a worker was at tasks, day by day: by the API and on the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import jobs, worker_times
from flamenco.farm.context import Farm
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, store_job, take
from tests.integration.test_delivery import serving

HOUR_S = 3600
DAY_S = 24 * HOUR_S


def days(farm: Farm, worker_id: str, query: str = "", status: int = 200) -> Any:
    """What the API says of a worker's days, the oldest first, as seconds, and tasks that went well or did not."""
    answer = testing.TestClient(create_app(farm)).simulate_get(f"/api/x/workers/{worker_id}/times{query}")
    assert answer.status_code == status, answer.text
    found = answer.json.get("days", [])
    return [(day["seconds"], day["completed"], day["failed"]) for day in found]


def at_noon(clock: Clock) -> None:
    """Go on to the middle of a day of UTC."""
    clock.forward((DAY_S + 12 * HOUR_S - clock().timestamp() % DAY_S) % DAY_S)


def test_what_it_did_on_each_day(farm: Farm, clock: Clock) -> None:
    """Also what another worker was given since it failed there, and what it is at; nothing of what others did."""
    at_noon(clock)
    job = store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(4))))
    worker, other = new_worker(farm, "first"), new_worker(farm, "second")
    failing = take(farm, worker)
    clock.forward(HOUR_S)
    report(farm, worker, failing, TaskStatus.FAILED, activity="no disk")
    retried, night = take(farm, other), take(farm, worker)
    while retried.task.id != failing.task.id:
        report(farm, other, retried, TaskStatus.COMPLETED)
        retried = take(farm, other)
    clock.forward(DAY_S)
    report(farm, other, retried, TaskStatus.COMPLETED)
    report(farm, worker, night, TaskStatus.COMPLETED)
    store_job(farm, authored_job(authored_task("now")))
    take(farm, worker)
    clock.forward(600)
    half = 11 * HOUR_S
    assert days(farm, worker.id, "?days=3") == [(0, 0, 0), (HOUR_S + half, 0, 1), (DAY_S - half + 600, 1, 0)]
    assert days(farm, worker.id, "?days=1") == [(DAY_S - half + 600, 1, 0)]
    assert len(days(farm, worker.id)) == 14
    days(farm, worker.id, "?days=0", 400)
    days(farm, worker.id, "?days=91", 400)
    days(farm, job.id, "", 404)


def test_of_very_many_tasks_the_last_ones(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said of a day is all of it; it says from when on it knows."""
    monkeypatch.setattr(worker_times, "MOST_TASKS", 3)
    at_noon(clock)
    store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(8))))
    worker = new_worker(farm, "first")

    def work(count: int) -> None:
        for _ in range(count):
            task = take(farm, worker)
            clock.forward(60)
            report(farm, worker, task, TaskStatus.COMPLETED)

    work(2)
    clock.forward(DAY_S)
    work(2)
    found = worker_times.of_worker(farm, worker.id, 3)
    assert [(day.seconds, day.completed) for day in found.days.values()] == [(120, 2)]
    assert found.since == min(found.days)
    begin = clock()
    work(4)
    found = worker_times.of_worker(farm, worker.id, 3)
    assert [(day.seconds, day.completed) for day in found.days.values()] == [(240, 4)]
    assert found.since == begin


def test_tasks_that_it_tried_very_often(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of attempts too, the last ones are looked at; what is said is from when on all of them are known."""
    monkeypatch.setattr(worker_times, "MOST_TASKS", 1)
    at_noon(clock)
    job = store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm, "first")
    for _ in range(3):
        assigned = take(farm, worker)
        clock.forward(60)
        report(farm, worker, assigned, TaskStatus.COMPLETED)
        jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "test")
    found = worker_times.of_worker(farm, worker.id, 1)
    assert [(day.seconds, day.completed) for day in found.days.values()] == [(60, 1)]
    assert found.since == clock() - timedelta(seconds=60)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_on_the_command_line(farm: Farm) -> None:
    """For people and for programs."""
    worker = new_worker(farm, "first")
    store_job(farm, authored_job(authored_task()))
    report(farm, worker, take(farm, worker), TaskStatus.COMPLETED)
    with serving(farm) as url:

        def run(*words: str) -> str:
            done = CliRunner().invoke(main, ["workers", "times", "first", *words, "--manager", url])
            assert done.exit_code == 0, done.output
            return done.stdout

        title, *rows = run("--days", "2").splitlines()
        assert title.split() == ["Day", "At", "tasks", "Of", "the", "day", "Completed", "Failed"]
        assert [row.split()[-2:] for row in rows] == [["0", "0"], ["1", "0"]]
        found = json.loads(run("--json"))
        assert (len(found["days"]), found["days"][-1]["completed"], found["from"]) == (14, 1, found["days"][0]["at"])
