"""`flamenco simulate`, as a user runs it: against a manager of its own, and against farms that others use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.statuses import JobStatus, TaskStatus
from tests import length
from tests.acceptance.conftest import Manager, running_manager, wait_until
from tests.acceptance.signing_in import add_user, signed_in
from tests.acceptance.simulating import SETTINGS

SIMULATE = [sys.executable, "-m", "flamenco", "simulate"]
QUICK = ("--speed", "50", "--task-seconds", "uniform:1,5")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """That of somebody with a home of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
    return {**kept, "FLAMENCO_HOME": str(folder / "home"), "COLUMNS": "200", **more}


def simulate(folder: Path, *words: str, code: int = 0, **environ: str) -> Any:
    """The report of a simulation that ends with that exit code; what it said instead where there is none."""
    done = subprocess.run(
        [*SIMULATE, *words, "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(folder, **environ),
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def everything(client: ManagerClient) -> tuple[int, int, int]:
    """How many jobs, workers and tags there are that are not about to be deleted."""
    jobs = [job for job in client.jobs.all() if job.delete_requested_at is None]
    return len(jobs), len(client.workers.all()), len(client.tags.all())


@pytest.mark.long
def test_a_manager_of_its_own(tmp_path: Path) -> None:
    """All is done though workers crash, fail and are cut off; the report adds up, and no file stays."""
    rates = ("--failure-rate", "0.02", "--crash-rate", "0.02", "--offline-rate", "0.05", "--restart-seconds", "50")
    report = simulate(
        tmp_path, "--own", *("--workers", "20", "--jobs", "2", "--tasks", "60"), *QUICK, *rates, TMPDIR=str(tmp_path)
    )
    assert report["ended"] == "done"
    assert sum(report["tasks"].values()) == 120
    assert report["tasks"]["completed"] > 100
    assert report["lost"] == report["doubled"] == report["lost_lines"] == []
    assert 0 < report["utilisation"] < 1
    assert {"poll", "update", "log", "sign on", "sign off"} <= report["latencies"].keys()
    assert report["latencies"]["poll"]["count"] >= report["cycles_per_s"]
    assert report["manager_cpu"] > 0
    assert [each.name for each in tmp_path.iterdir()] == []


def test_a_farm_of_others(tmp_path: Path, manager: Manager) -> None:
    """Nothing of it stays there, unless it is to be kept; jobs of others stay what they were."""
    words = ("--manager", manager.url, "--workers", "5", "--tasks", "10", *QUICK)
    with ManagerClient(manager.url) as client:
        client.submit_job(
            JobRequest(name="frames", type="echo", settings={"message": "m"}, initial_status=JobStatus.PAUSED)
        )
        assert simulate(tmp_path, *words)["tasks"] == {"completed": 10}
        assert everything(client) == (1, 0, 0)
        simulate(tmp_path, *words, "--keep")
        assert everything(client) == (2, 5, 1)
        assert client.jobs.all()[-1].name.startswith("simulated ")


@pytest.mark.long
def test_jobs_that_are_deleted_when_they_are_done(tmp_path: Path) -> None:
    """They count all the same, and are judged before; half of the workers are gone meanwhile, and the others go on."""
    with running_manager(tmp_path, "--processes", "1", *SETTINGS) as manager, ManagerClient(manager.url) as client:
        words = ("--manager", manager.url, "--workers", "6", "--jobs", "3", "--tasks", "10", *QUICK, "--keep")
        report = simulate(tmp_path, *words, "--delete-done", "--vanish-rate", "0.5", "--vanish-after", "1")
        assert report["tasks"] == {"completed": 30}
        assert report["crashes"] == 3
        assert everything(client) == (0, 6, 1)


@pytest.mark.long
def test_jobs_that_are_not_simulated(tmp_path: Path, manager: Manager) -> None:
    """Such as workers that run nothing could be given are none for them: the task goes back, and they go home."""
    with ManagerClient(manager.url) as client:
        job = client.submit_job(JobRequest(name="frames", type="echo", priority=90, settings={"message": "m"}))
        said = simulate(tmp_path, "--manager", manager.url, "--workers", "3", *QUICK, code=1)
        assert f"task of another job ({job.id})" in said
        assert client.jobs.tasks(job.id)[0].status == "queued"
        assert everything(client) == (1, 0, 0)


def test_interrupted(tmp_path: Path, manager: Manager) -> None:
    """Ctrl-C gives the report of what was done so far, and leaves nothing behind."""
    words = ["--manager", manager.url, "--workers", "5", "--tasks", "5000", *QUICK]
    with (
        ManagerClient(manager.url) as client,
        subprocess.Popen([*SIMULATE, *words], stdout=subprocess.PIPE, text=True, env=environment(tmp_path)) as process,
    ):
        assert wait_until(lambda: any(job.tasks["completed"] for job in client.overview().jobs), 30)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "ended: interrupted" in said
        assert "cycles/s" in said
        assert everything(client) == (0, 0, 0)


@pytest.mark.long
def test_a_task_that_is_done_twice(tmp_path: Path, manager: Manager) -> None:
    """Such as one that somebody requeues meanwhile: it is found, named, and the exit code says so."""
    words = ["--manager", manager.url, "--workers", "5", "--tasks", "40", "--json", *QUICK]
    with (
        ManagerClient(manager.url) as client,
        subprocess.Popen([*SIMULATE, *words], stdout=subprocess.PIPE, text=True, env=environment(tmp_path)) as process,
    ):
        assert wait_until(lambda: any(job.tasks["completed"] for job in client.overview().jobs), 30)
        (job,) = client.overview().jobs
        done = next(task for task in client.jobs.tasks(job.id) if task.status == "completed")
        client.tasks.set_status(done.id, TaskStatus.QUEUED, "once more")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        (doubled,) = json.loads(said)["doubled"]
        assert doubled.startswith(f"{done.id} was completed by worker ")


@pytest.mark.long
@pytest.mark.parametrize("registration", length.every(2, ["approve", "open", "closed", "secret"]))
def test_a_farm_that_wants_to_know_everybody(tmp_path: Path, registration: str) -> None:
    """A wrangler may, however workers register there; nobody else, who is told what helps."""
    add_user(tmp_path / "data", "bob", "wrangler")
    settings = ("--set", "access.mode=login", "--set", f"workers.registration={registration}")
    with running_manager(tmp_path, "--processes", "1", *settings) as manager:
        words = ("--workers", "3", "--tasks", "5", *QUICK)
        said = simulate(tmp_path, *words, "--manager", manager.url, code=1)
        assert "flamenco login" in said
        with signed_in(manager.url, "bob") as client:
            token = client.post("/api/x/tokens", json={"name": "simulate"}).json()["text"]
        report = simulate(tmp_path, *words, FLAMENCO_MANAGER=manager.url, FLAMENCO_TOKEN=token)
        assert report["tasks"] == {"completed": 5}


@pytest.mark.long
def test_workers_that_have_to_be_approved(tmp_path: Path) -> None:
    """Are, by whoever simulates: in a farm that is open, too."""
    with running_manager(tmp_path, "--processes", "1", "--set", "workers.registration=approve") as manager:
        report = simulate(tmp_path, "--workers", "3", "--tasks", "5", *QUICK, "--manager", manager.url)
        assert report["tasks"] == {"completed": 5}


@pytest.mark.long
def test_jobs_that_wait_for_each_other(tmp_path: Path) -> None:
    """None begins before the one that it waits for has ended, though workers crash and fail; all are done."""
    rates = ("--failure-rate", "0.05", "--crash-rate", "0.02", "--restart-seconds", "50")
    size = ("--workers", "10", "--jobs", "5", "--tasks", "20", "--chained", "--delete-done")
    report = simulate(tmp_path, "--own", *size, *QUICK, *rates, TMPDIR=str(tmp_path))
    assert (report["ended"], report["jobs"]) == ("done", 5)
    assert report["early"] == report["lost"] == report["doubled"] == []


@pytest.mark.long
def test_jobs_that_wait_for_a_moment(tmp_path: Path) -> None:
    """None begins before it, and soon after it all are done."""
    size = ("--workers", "10", "--jobs", "5", "--tasks", "20", "--start-after", "3")
    report = simulate(tmp_path, "--own", *size, *QUICK, TMPDIR=str(tmp_path))
    assert (report["ended"], report["tasks"]) == ("done", {"completed": 100})
    assert report["seconds"] >= 3
    assert report["early"] == report["lost"] == report["doubled"] == []


@pytest.mark.long
def test_tasks_that_hang(tmp_path: Path) -> None:
    """Each is taken from its worker, which learns of it when it asks, and done by another; nothing is done twice."""
    hangs = ("--hang-rate", "0.05", "--max-silence", "1s")
    report = simulate(tmp_path, "--own", *("--workers", "20", "--tasks", "100"), *QUICK, *hangs)
    assert report["ended"] == "done"
    assert report["hung"] > 0
    assert report["tasks"] == {"completed": 100}
    assert report["lost"] == report["doubled"] == report["lost_lines"] == []
    assert "--max-silence" in simulate(tmp_path, "--own", "--hang-rate", "0.05", code=2)


@pytest.mark.long
def test_no_more_than_a_limit(tmp_path: Path) -> None:
    """Though workers crash and many ask at once; all is done, and the limit is gone with the simulation."""
    rates = ("--failure-rate", "0.02", "--crash-rate", "0.02", "--restart-seconds", "50")
    size = ("--workers", "30", "--jobs", "3", "--tasks", "40", "--limit", "6")
    report = simulate(tmp_path, "--own", *size, *QUICK, *rates, TMPDIR=str(tmp_path))
    assert (report["ended"], report["most_at_once"]) == ("done", 6)
    assert report["crowded"] == report["lost"] == report["doubled"] == []


@pytest.mark.long
def test_tasks_that_fail_by_a_rule(tmp_path: Path) -> None:
    """Half of all attempts fail: with a rule that does not count those, the job is completed; without, it fails."""
    fails = ("--failure-rate", "0.5", "--failure-line", "server is busy", "--set", "failures.sick_after_failures=0")
    size = ("--own", "--workers", "10", "--tasks", "60", *QUICK, *fails)
    plain = simulate(tmp_path, *size)
    assert plain["tasks"].get("completed", 0) < 60
    rule = "failures.rules=[{match: server is busy, then: retry_after 1s}]"
    ruled = simulate(tmp_path, *size, "--set", rule)
    assert ruled["tasks"] == {"completed": 60}
    assert ruled["failures"] > 20
    assert ruled["lost"] == ruled["doubled"] == ruled["lost_lines"] == []
