"""Tasks fail for real: real workers, ones that speak as existing workers do, a manager that is killed in between."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.actions import WorkerAction
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers, summary
from tests.acceptance.test_time_limits import ExistingWorker, log_of

RULES = (
    "failures.rules=[{match: server is busy, then: retry_after 1s, say: The server is busy.},"
    " {exit_code: 9, then: fail_job, say: '{worker} says 9.'}]"
)
SCRIPT = """
const JOB_TYPE = {
    label: "Failing",
    settings: [{ key: "folder", type: "string", required: true }, { key: "line", type: "string", default: "" }],
    failureRules: [{ match: "never (?P<what>\\\\w+)", then: "fail_job", say: "It will never {what}." }],
};

function compileJob(job) {
    const task = author.Task("frame-1", "misc");
    const script = `echo begun; if mkdir "$0/tried"; then echo "$1"; exit 3; fi; echo done`;
    const args = ["-c", script, job.settings.folder, job.settings.line];
    task.addCommand(author.Command("exec", { exe: "/bin/sh", args }));
    job.addTask(task);
}
"""
"""One task that fails the first time, with a line that is given."""


def submit(client: ManagerClient, manager: Manager, folder: Path, line: str) -> str:
    """A job whose task says that, and fails, once."""
    types = manager.data_dir / "jobtypes"
    types.mkdir(exist_ok=True)
    (types / "failing.js").write_text(SCRIPT)
    folder.mkdir(exist_ok=True)
    settings = {"folder": str(folder), "line": line}
    return client.submit_job(JobRequest(name=line, type="failing", settings=settings)).id


def test_real_workers(tmp_path: Path) -> None:
    """The only worker there is tries again what was not its fault; and what nobody can do fails at once."""
    with (
        running_manager(tmp_path, "--processes", "1", "--set", RULES) as manager,
        ManagerClient(manager.url) as client,
        running_workers(tmp_path, manager.url, 1),
    ):
        job = submit(client, manager, tmp_path / "busy", "the server is busy")
        never = submit(client, manager, tmp_path / "never", "this will never work")
        assert wait_until(lambda: summary(manager.url, never).status is JobStatus.FAILED, START_TIMEOUT_S)
        assert "frame-1: It will never work." in client.jobs.get(never).activity
        assert wait_until(lambda: summary(manager.url, job).status is JobStatus.COMPLETED, START_TIMEOUT_S)
        (task,) = client.jobs.tasks(job)
        assert "By a rule of the configuration: it is tried again in 1s. The server is busy." in log_of(client, task.id)
        first, second = sorted(client.attempts.of_job(job), key=lambda each: each.number)
        assert (first.outcome, first.reason, second.outcome) == ("failed", "The server is busy.", "completed")


@pytest.mark.long
def test_a_manager_that_is_killed_while_a_task_waits(tmp_path: Path) -> None:
    """The next one lets it go when its moment has come; nothing is lost, and nothing counted twice."""
    with running_manager(tmp_path, "--processes", "1", "--set", RULES.replace("1s", "3s")) as manager:
        with ManagerClient(manager.url) as client, running_workers(tmp_path, manager.url, 1):
            job = submit(client, manager, tmp_path / "busy", "the server is busy")
            assert wait_until(lambda: client.jobs.tasks(job)[0].status == "soft-failed", START_TIMEOUT_S)
        manager.kill()
    more = tmp_path / "more"
    more.mkdir()
    with (
        running_manager(tmp_path, "--processes", "1", "--set", RULES) as manager,
        ManagerClient(manager.url) as client,
        running_workers(more, manager.url, 1),
    ):
        assert wait_until(lambda: summary(manager.url, job).status is JobStatus.COMPLETED, START_TIMEOUT_S)


def test_existing_workers(tmp_path: Path) -> None:
    """What they report is judged, by their exit codes too; one that is sick is told so in the words that it knows."""
    sick = ("--set", "failures.sick_after_failures=2", "--set", "blocklist_threshold=100")
    with (
        running_manager(tmp_path, "--processes", "1", "--set", RULES, *sick) as manager,
        ManagerClient(manager.url) as client,
    ):
        existing = ExistingWorker(manager.url)

        def fail(log: str) -> str:
            job = client.submit_job(JobRequest(name="job", type="echo", settings={"message": "hi"}, priority=90)).id
            task = existing.ask("POST", "/task").json()["uuid"]
            change = {"taskStatus": "failed", "activity": "Failed", "log": log}
            assert existing.ask("POST", f"/task/{task}", change).status_code == 204
            return job

        assert client.jobs.get(fail("command exited abnormally with code 9\n")).activity.endswith("existing says 9.")
        for _ in range(2):
            fail("something\n")
        answer = existing.ask("POST", "/task")
        assert answer.status_code == 409
        assert 'worker is in state "error", requires state "awake" to execute tasks' in answer.json()["message"]
        (worker,) = httpx.get(f"{manager.url}/api/v3/worker-mgt/workers").json()["workers"]
        assert worker["status"] == "error"
        existing.ask("POST", "/state-changed", {"status": "awake"})
        assert existing.ask("POST", "/task").status_code == 409
        client.actions.on("workers", WorkerAction.HEAL, {}, ids=[worker["id"]])
        answer = existing.ask("POST", "/task")
        assert (answer.status_code, answer.json()["status_requested"]) == (423, "awake")
        existing.ask("POST", "/state-changed", {"status": "awake"})
        assert existing.ask("POST", "/task").status_code == 204


@pytest.mark.long
def test_full_disks_and_one_bad_job(tmp_path: Path, manager: Manager) -> None:
    """A job that calls every disk full has two workers in error, and not the farm."""
    team = [ExistingWorker(manager.url) for _ in range(4)]
    with ManagerClient(manager.url) as client:
        settings = {"message": "m", "sleep_duration_seconds": 1, "sleep_repeats": 20}
        job = client.submit_job(JobRequest(name="bad", type="echo-sleep-test", settings=settings)).id
        for worker in team[:3]:
            task = worker.ask("POST", "/task").json()["uuid"]
            change = {"taskStatus": "failed", "activity": "x", "log": "No space left on device\n"}
            worker.ask("POST", f"/task/{task}", change)
        statuses = sorted(str(each.status) for each in client.overview().workers)
        assert statuses == ["awake", "awake", "error", "error"]
        assert client.lists.job(job).start_after is not None
