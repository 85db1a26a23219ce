"""`flamenco jobs`, `tasks`, `workers` and `search` at a manager with more than fits on a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flamenco.cli import jobs as jobs_command
from flamenco.cli import main
from flamenco.cli import tasks as tasks_command
from flamenco.cli import workers as workers_command
from flamenco.client import lists as client_lists
from flamenco.domain.access import Owner
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import tags, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.store import job_lists, task_lists, worker_lists
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, run_next, store_job
from tests.integration.test_api_lists import owned
from tests.integration.test_delivery import serving

Run = Callable[..., Result]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What the farm does on both databases is tried elsewhere."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def run(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command with that manager; the client asks for two entries at a time."""
    monkeypatch.setattr(client_lists, "_MOST_OF_PAGE", 2)
    with serving(farm) as url:
        yield lambda *words: CliRunner().invoke(main, [*words, "--manager", url])


def names(result: Result) -> list[str]:
    """What a list has, as JSON."""
    assert result.exit_code == 0, result.output
    return [each["name"] for each in json.loads(result.stdout)]


def test_jobs(farm: Farm, run: Run) -> None:
    """Searched, filtered, sorted, as many as are asked for, in as many pages as that takes."""
    for number in range(5):
        owned(farm, f"job {number}", Owner(("anna", "bob")[number % 2]), project="film" if number else "")
    tag = tags.create(farm, "gpu", "")
    tags.set_of_job(farm, owned(farm, "special", Owner("eve")), tag.id, None)
    assert names(run("jobs", "--json")) == [*(f"job {number}" for number in range(5)), "special"]
    assert names(run("jobs", "--sort", "name", "--limit", "3", "--json")) == ["job 0", "job 1", "job 2"]
    assert names(run("jobs", "--sort", "-name", "--user", "anna", "--json")) == ["job 4", "job 2", "job 0"]
    assert names(run("jobs", "--search", "BOB", "--project", "film", "--json")) == ["job 1", "job 3"]
    assert names(run("jobs", "--tag", "gpu", "--json")) == ["special"]
    stranding.look(farm)
    assert len(names(run("jobs", "--stuck", "--json"))) == 6
    cut = run("jobs", "--limit", "3")
    assert "anna" in cut.stdout
    assert "These are 3 of 6" in cut.stderr
    assert "No job is like that" in run("jobs", "--user", "nobody").stdout
    wrong = run("jobs", "--sort", "size")
    assert wrong.exit_code == 2
    assert "'size' is none of created, updated" in wrong.stderr


def test_jobs_by_project_and_what_was_done_with_one(farm: Farm, run: Run) -> None:
    """How many and how far; and who did what, for people and for programs."""
    for number in range(3):
        owned(farm, f"job {number}", Owner("anna"), project="film" if number else "")
    rows = run("jobs", "--by", "project").stdout.splitlines()
    assert rows[0].split() == ["Jobs", "Active", "Queued", "Failed", "Completed", "Done", "Changed", "Project"]
    assert sorted((row.split()[0], row.split()[-1]) for row in rows[1:]) == [("1", "-"), ("2", "film")]
    found = json.loads(run("jobs", "--by", "user", "--project", "film", "--json").stdout)
    assert [(each["name"], each["total"]) for each in found] == [("anna", 2)]
    assert "No job is like that" in run("jobs", "--by", "type", "--user", "nobody").stdout
    owned(farm, "job 3", Owner("anna"), batch="Dailies Monday")
    by_batch = run("jobs", "--by", "batch").stdout.splitlines()
    assert by_batch[0].split()[-1] == "Batch"
    assert sorted(row.split(maxsplit=1)[0] for row in by_batch[1:]) == ["1", "3"]
    assert names(run("jobs", "--batch", "Dailies Monday", "--json")) == ["job 3"]
    assert ["batch", "Dailies Monday"] in [line.split(None, 1) for line in run("job", "job 3").stdout.splitlines()]
    assert "1" in run("pause", "--all-matching", "--batch", "Dailies Monday", "--dry-run").stdout
    assert "batch" in run("search", "dailies").stdout
    assert "still known" in run("audit", "--job", "job 1").stdout
    assert run("priority", "job 1", "70").exit_code == 0
    assert "priority: 50 → 70" in run("audit", "--job", "job 1").stdout
    (change,) = json.loads(run("audit", "--job", "job 1", "--json").stdout)
    assert (change["before"], change["after"]) == ({"priority": 50}, {"priority": 70})
    assert run("audit", "--job", "job 1", "--who", "anna").exit_code == 2


def test_tasks(farm: Farm, run: Run) -> None:
    """All of them, unless fewer are asked for."""
    job = store_job(farm, authored_job(*(authored_task(f"frame {number}", "misc") for number in range(5)), name="shot"))
    worker = new_worker(farm, "render-07")
    run_next(farm, worker)
    assert names(run("tasks", "shot", "--json")) == [f"frame {number}" for number in range(5)]
    assert names(run("tasks", job.id, "--sort", "-index", "--limit", "3", "--json")) == [
        "frame 4",
        "frame 3",
        "frame 2",
    ]
    assert names(run("tasks", "shot", "--worker", "render-07", "--json")) == ["frame 0"]
    assert names(run("tasks", "shot", "--search", "ME 3", "--type", "misc", "--json")) == ["frame 3"]
    (done,) = json.loads(run("tasks", "shot", "--status", "completed", "--json").stdout)
    assert (done["index_in_job"], done["task_type"], done["worker"]["name"]) == (1, "misc", "render-07")
    assert "No task is like that" in run("tasks", "shot", "--search", "nothing").stdout
    assert "These are 1 of 5" in run("tasks", "shot", "--limit", "1").stderr


def test_workers(farm: Farm, run: Run) -> None:
    """Also those that never signed on, by a word for that."""
    made = [new_worker(farm, name) for name in ("b", "a", "c")]
    workers.state_changed(farm, made[0], WorkerStatus.ASLEEP)
    workers.register(farm, name="d", platform="linux", secret="s" * 20, task_types=(), address="10.0.0.1")
    tag = tags.create(farm, "gpu", "")
    tags.set_of_worker(farm, made[2].id, [tag.id])
    assert names(run("workers", "--json")) == ["a", "b", "c", "d"]
    assert names(run("workers", "--sort", "-name", "--limit", "3", "--json")) == ["d", "c", "b"]
    assert names(run("workers", "--status", "asleep,registered", "--json")) == ["b", "d"]
    assert names(run("workers", "--search", "10.0", "--json")) == ["d"]
    assert names(run("workers", "--tag", "gpu", "--json")) == ["c"]
    assert "No worker is like that" in run("workers", "--search", "zzz").stdout


def test_search(farm: Farm, run: Run) -> None:
    """Whatever it is that is called so."""
    job_id = owned(farm, "Fright night", Owner("frida"), project="Sprite Fright")
    worker = new_worker(farm, "fridge")
    shown = run("search", "FRI").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["Kind", "job", "worker", "user", "project"]
    assert job_id[:8] in shown[1]
    assert worker.id[:8] in shown[2]
    found = json.loads(run("search", "fri", "--json").stdout)
    assert (found["users"], found["projects"]) == (["frida"], ["Sprite Fright"])
    assert "Nothing is called like that" in run("search", "zzz").stdout


def test_commands_sort_by_all_that_the_manager_does() -> None:
    """A new order is one of the command as well."""
    assert list(jobs_command.ORDERS) == list(job_lists.ORDERS)
    assert list(tasks_command.ORDERS) == list(task_lists.ORDERS)
    assert list(workers_command.ORDERS) == list(worker_lists.ORDERS)


def test_one_job(farm: Farm, run: Run) -> None:
    """Whose it is, and what for, stands beside the rest."""
    job_id = owned(farm, "shot", Owner("anna"), project="film")
    shown = run("job", job_id).stdout
    assert [line.split() for line in shown.splitlines() if line.startswith(("user", "project"))] == [
        ["user", "anna"],
        ["project", "film"],
    ]
    found = json.loads(run("job", job_id, "--json").stdout)
    assert (found["user"], found["project"], found["tasks"]["queued"]) == ("anna", "film", 1)
