"""How long jobs take: elapsed, by worker, and until when, as the API and the command line tell."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing

from flamenco.api.app import create_app
from flamenco.cli import main
from flamenco.domain.model import Job
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import jobs
from flamenco.farm.context import Farm
from flamenco.farm.known_estimates import KnownEstimates
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, report, store_job, take
from tests.integration.test_delivery import serving

pytestmark = pytest.mark.postgresql

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def times(farm: Farm, job: Job) -> Any:
    """What the API says."""
    answer = testing.TestClient(create_app(farm)).simulate_get(f"/api/x/jobs/{job.id}/times")
    assert answer.status_code == 200, answer.text
    return answer.json


def frames(farm: Farm, *, video: bool = False) -> Job:
    """A job of six frames, and maybe a video."""
    tasks = [authored_task(f"f{number}", "blender") for number in range(6)]
    last = [authored_task("video", "ffmpeg", after=tuple(tasks))] if video else []
    return store_job(farm, authored_job(*tasks, *last))


def work(farm: Farm, clock: Clock, worker: Any, count: int, seconds: float = 10) -> None:
    """Do so many tasks, each in so many seconds."""
    for _ in range(count):
        assigned = take(farm, worker)
        clock.forward(seconds)
        report(farm, worker, assigned, TaskStatus.COMPLETED)


def test_a_job_that_is_being_worked_on(farm: Farm, clock: Clock) -> None:
    """Elapsed counts from its first task, all workers' time is added up, and what is left is estimated."""
    job = frames(farm)
    assert times(farm, job) == {"worker_s": 0, "workers": 0, "by_worker": []}
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    clock.forward(100)
    work(farm, clock, first, 2)
    take(farm, first)
    take(farm, second)
    clock.forward(4)
    found = times(farm, job)
    assert (found["elapsed_s"], found["worker_s"], found["median_s"], found["workers"]) == (24, 28, 10, 2)
    assert [(each["worker"]["name"], each["seconds"], each["tasks"]) for each in found["by_worker"]] == [
        ("first", 24, 3),
        ("second", 4, 1),
    ]
    done_at = clock() + timedelta(seconds=16)
    assert [datetime.fromisoformat(found["eta"][name]) for name in ("earliest", "latest")] == [done_at] * 2
    assert found["eta"]["ground"] == "blender 10 s (median of 2 done); 2 workers that are at it now"


def test_a_job_that_is_over(farm: Farm, clock: Clock) -> None:
    """Its time does not go on, and there is nothing to come."""
    job = frames(farm)
    work(farm, clock, new_worker(farm), 6)
    clock.forward(1000)
    found = times(farm, job)
    assert found["elapsed_s"] == 60
    assert "eta" not in found


def test_what_is_not_done_yet_goes_by_the_last_job_of_the_same_name(farm: Farm, clock: Clock) -> None:
    """The video of a shot takes what it took the last time; without that, it is said to be left out."""
    job, worker = frames(farm, video=True), new_worker(farm)
    work(farm, clock, worker, 3)
    take(farm, worker)
    assert "without ffmpeg, of which nothing is done yet" in times(farm, job)["eta"]["ground"]
    report(farm, worker, take(farm, worker), TaskStatus.COMPLETED)
    work(farm, clock, worker, 2)
    work(farm, clock, worker, 1, seconds=30)
    again = frames(farm, video=True)
    work(farm, clock, worker, 3)
    take(farm, worker)
    ground = times(farm, again)["eta"]["ground"]
    assert "ffmpeg 30 s (median of 1 done, of the last job of that name)" in ground
    assert "blender 10 s (median of 3 done)" in ground


def test_lists_tell_it_on_demand(farm: Farm, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was a few seconds ago at most, and of some jobs at a time."""
    client = testing.TestClient(create_app(farm))

    def etas() -> list[str | None]:
        answer = client.simulate_get("/api/x/jobs?eta=true&sort=created")
        return [job.get("eta", {}).get("latest") for job in answer.json["jobs"]]

    seconds = [0.0]
    farm.known_estimates = KnownEstimates(lambda: seconds[0])
    monkeypatch.setattr("flamenco.farm.times.MOST_AT_ONCE", 1)
    both = []
    for name in ("one", "two"):
        both.append(frames(farm))
        worker = new_worker(farm, name)
        work(farm, clock, worker, 5)
        take(farm, worker)
    expected = [times(farm, job)["eta"]["latest"] for job in both]
    assert etas() == [expected[0], None]
    assert etas() == expected
    clock.forward(60)
    assert etas() == expected
    seconds[0] = KnownEstimates.KEPT_S
    assert etas() == [times(farm, both[0])["eta"]["latest"], expected[1]]
    assert "eta" not in client.simulate_get("/api/x/jobs").json["jobs"][0]


def test_a_paused_job_has_no_end(farm: Farm, clock: Clock) -> None:
    """It is not worked on until somebody lets it go on."""
    job, worker = frames(farm), new_worker(farm)
    work(farm, clock, worker, 3)
    take(farm, worker)
    jobs.set_status(farm, job.id, JobStatus.PAUSE_REQUESTED, "test")
    assert "eta" not in times(farm, job)


@ON_SQLITE
def test_the_commands(farm: Farm, clock: Clock) -> None:
    """`flamenco job` says it for people and for programs; `flamenco tasks` what each task took."""
    job, worker = frames(farm), new_worker(farm)
    work(farm, clock, worker, 3)
    take(farm, worker)
    clock.forward(4)
    with serving(farm) as url:

        def shown(*words: str) -> str:
            done = CliRunner().invoke(main, [*words, "--manager", url])
            assert done.exit_code == 0, done.output
            return done.output

        listed = shown("jobs").splitlines()
        assert "Done in" in listed[0]
        text = shown("job", job.id)
        for words in ("elapsed      34 s", "worker: 34 s, 4 tasks", "median of 3 done", "a done task  10 s"):
            assert words in text, text
        assert json.loads(shown("job", job.id, "--json"))["times"]["median_s"] == 10
        rows = shown("tasks", job.id, "--attempts").splitlines()
        assert rows[0].split()[-3:] == ["Tries", "Took", "Name"]
        assert rows[1].split()[-4:] == ["1", "10", "s", "f0"]
        assert rows[6].split()[-1] == "f5"
        found = json.loads(shown("tasks", job.id, "--attempts", "--json"))
        assert [each["attempts"] for each in found] == [1, 1, 1, 1, None, None]
