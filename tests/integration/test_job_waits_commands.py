"""What jobs wait for, typed: at submission, later, and explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.domain.job_waits import Kind
from flamenco.domain.model import Job
from flamenco.domain.statuses import JobStatus
from flamenco.farm import deletion, jobs, telling
from flamenco.farm.context import Farm
from tests.integration.farming import new_worker, run_next
from tests.integration.test_delivery import serving
from tests.integration.waiting import frames_job, wait_for

Run = Callable[..., Any]

SUBMIT = ("submit", "echo-sleep-test", "--name", "light", "--set", "message=hello")


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to what is typed."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def run(farm: Farm) -> Iterator[Run]:
    """Types a command; what it printed, or with `code`, what it said on stderr."""
    with serving(farm) as url:

        def run(*words: str, code: int = 0) -> str:
            done = CliRunner().invoke(main, [*words, "--manager", url])
            assert done.exit_code == code, (done.output, done.exception)
            return done.stderr if code else done.stdout

        yield run


@pytest.fixture
def sim(farm: Farm) -> Job:
    """A job to wait for."""
    return frames_job(farm, "1", "2", name="sim")


def test_a_job_is_submitted_after_another(farm: Farm, run: Run, sim: Job) -> None:
    """By the name of that; and `explain` says what it waits for, until it does not."""
    light = run(*SUBMIT, "--after", "sim").split()[-1]
    assert jobs.fetch(farm, light).activity.startswith('Waits until the job "sim"')
    said = run("explain", light)
    assert "not handed out now" in said
    assert f'waiting: waits until the job "sim" ({sim.id[:8]}) is completed' in said
    assert json.loads(run("explain", light, "--json"))["waiting"][0]["why"] == "job-dependency"
    jobs.set_status(farm, sim.id, JobStatus.COMPLETED, "test")
    telling.tell_all(farm)
    assert "waits until" not in run("explain", light)


def test_frame_by_frame_is_explained(farm: Farm, run: Run, sim: Job) -> None:
    """What could run is told apart from what waits in its job, and from what waits for the other one."""
    light = frames_job(farm, "1", "2", "video", name="light", priority=90)
    wait_for(farm, light, sim, kind=Kind.FRAMES)
    run_next(farm, new_worker(farm))
    telling.tell_all(farm)
    found = {each["why"]: each for each in json.loads(run("explain", light.id, "--json"))["waiting"]}
    assert {why: each["count"] for why, each in found.items()} == {"dependency": 1, "job-dependency": 1, "next": 1}
    assert found["job-dependency"]["reason"] == f'waits frame by frame for the job "sim" ({sim.id[:8]}) to be completed'


def test_what_cannot_wait_is_said_when_it_is_submitted(run: Run, sim: Job) -> None:
    """In the words of the manager, or before it is asked."""
    assert "says which frames it is about" in run(*SUBMIT, "--after", sim.id, "--frame-by-frame", code=1)
    assert "name that with --after JOB" in run(*SUBMIT, "--frame-by-frame", code=2)
    assert "there is no job 'nothing'" in run(*SUBMIT, "--after", "nothing", code=1)


def test_dependencies_are_listed_added_satisfied_and_dropped(farm: Farm, run: Run, sim: Job) -> None:
    """Each says what is so then."""
    frames_job(farm, "1", "2", name="light")
    added = run("depend", "add", "light", "--on", "sim", "--frame-by-frame", "--offset", "-1", "0")
    assert "frames -1 to +0" in added
    assert "counting" in run("depend", "list", "light")
    assert "light" in run("depend", "list", "sim")
    assert "already" in run("depend", "add", "light", "--on", "sim", "--when-ended", code=1)
    assert "say --frame-by-frame as well" in run("depend", "add", "light", "--on", "sim", "--offset", "1", "1", code=2)
    assert "satisfied" in run("depend", "satisfy", "light", "--on", "sim")
    assert json.loads(run("depend", "list", "light", "--json"))["waits_for"][0]["state"] == "satisfied"
    assert "waits for no other job" in run("depend", "drop", "light", "--on", sim.id)
    assert "light lists them" not in run("depend", "drop", "light", "--on", "sim", code=1)


def test_what_was_deleted_is_dropped_by_its_name(farm: Farm, run: Run, sim: Job) -> None:
    """The job that waited for it still knows that."""
    light = frames_job(farm, "1", name="light")
    wait_for(farm, light, sim)
    deletion.request(farm, sim.id)
    while not deletion.delete_some(farm, sim.id):
        pass
    assert "was deleted" in run("depend", "list", "light")
    assert json.loads(run("depend", "drop", "light", "--on", "sim", "--json"))["waits_for"] == []
