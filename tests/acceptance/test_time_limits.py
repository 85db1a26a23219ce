"""Frames that hang: real workers are stopped, and ones that speak as existing workers do; others go on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.actions import JobAction
from flamenco.domain.statuses import JobStatus
from tests import length
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, wait_until
from tests.acceptance.test_faults import running_workers, summary

HANGING_JOB_TYPE = """
const JOB_TYPE = {
    label: "Hanging",
    settings: [{ key: "folder", type: "string", required: true }],
    timeLimits: { misc: { maxSilence: "1s" } },
};

function compileJob(job) {
    const task = author.Task("frame-1", "misc");
    const script = `echo begun; if mkdir "$0/tried"; then echo $$ > "$0/pid"; exec sleep 600; fi; echo done`;
    task.addCommand(author.Command("exec", { exe: "/bin/sh", args: ["-c", script, job.settings.folder] }));
    job.addTask(task);
}
"""
"""One task that says nothing more once it has begun, but only the first time."""

SECRET = "a secret of enough letters"


class ExistingWorker:
    """Speaks today's protocol, as existing workers do, and runs nothing."""

    def __init__(self, url: str, *task_types: str) -> None:
        about = {"name": "existing", "supported_task_types": list(task_types or ("misc",))}
        body = {**about, "platform": "linux", "secret": SECRET}
        self._url = f"{url}/api/v3/worker"
        made = httpx.post(f"{self._url}/register-worker", json=body).json()
        self._auth = (made["uuid"], SECRET)
        self.ask("POST", "/sign-on", {**about, "software_version": "3.9"})
        self.ask("POST", "/state-changed", {"status": "awake"})

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """What the manager answers."""
        given: dict[str, Any] = {} if body is None else {"json": body}
        return httpx.request(method, self._url + path, auth=self._auth, **given)


def log_of(client: ManagerClient, task_id: str) -> str:
    """All of a task's log."""
    found = client.tasks.log(task_id)
    assert found is not None
    return client.tasks.log_part(found, 0).decode()


def is_there(pid: int) -> bool:
    """Whether a process is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("declared", length.every(2, [True, False]), ids=["by its job type", "by the job"])
def test_a_frame_hangs(tmp_path: Path, manager: Manager, *, declared: bool) -> None:
    """Its program is ended, the log says why, and another worker does it."""
    script = HANGING_JOB_TYPE if declared else HANGING_JOB_TYPE.replace("timeLimits", "unread")
    (manager.data_dir / "jobtypes" / "hanging.js").write_text(script)
    own = {} if declared else {"*": {"max_run_time": "1s"}}
    with ManagerClient(manager.url) as client, running_workers(tmp_path, manager.url, 2):
        assert wait_until(lambda: len(client.overview().workers) == 2, START_TIMEOUT_S)
        job = client.submit_job(
            JobRequest(name="job", type="hanging", settings={"folder": str(tmp_path)}, time_limits=own)
        )
        (limits,) = client.explain(job.id).time_limits
        assert limits.task_type == "misc"
        assert wait_until(lambda: summary(manager.url, job.id).status is JobStatus.COMPLETED, START_TIMEOUT_S)
        (task,) = client.jobs.tasks(job.id)
        log = log_of(client, task.id)
    assert ("(max_silence)" if declared else "(max_run_time)") in log
    assert "Task failed by 1 worker, Manager will mark it as soft failure" in log
    assert log.rstrip().count("done")
    assert wait_until(lambda: not is_there(int((tmp_path / "pid").read_text())))


def test_existing_workers_are_stopped_as_well(tmp_path: Path, manager: Manager) -> None:
    """They ask now and then whether to go on, and are told not to in the words that they know."""
    existing = ExistingWorker(manager.url)
    with ManagerClient(manager.url) as client:
        job = client.submit_job(JobRequest(name="job", type="echo", settings={"message": "hi"}))
        task = existing.ask("POST", "/task").json()["uuid"]
        may_run = f"/task/{task}/may-i-run"
        assert existing.ask("GET", may_run).json()["mayKeepRunning"]
        with running_workers(tmp_path, manager.url, 1):
            assert wait_until(lambda: len(client.overview().workers) == 2, START_TIMEOUT_S)
            client.actions.on("jobs", JobAction.TIME_LIMITS, {"max_run_time": "1s"}, ids=[job.id])
            shown = httpx.get(f"{manager.url}/api/x/jobs/{job.id}").json()
            assert shown["time_limits"] == {"*": {"max_run_time": "1s"}}
            assert wait_until(lambda: not existing.ask("GET", may_run).json()["mayKeepRunning"], START_TIMEOUT_S)
            assert existing.ask("POST", f"/task/{task}", {"taskStatus": "completed"}).status_code == 409
            assert wait_until(lambda: summary(manager.url, job.id).status is JobStatus.COMPLETED, START_TIMEOUT_S)
        assert "(max_run_time)" in log_of(client, task)


@pytest.mark.long
def test_a_job_waits_for_its_moment(tmp_path: Path, manager: Manager) -> None:
    """Workers that ask all the time are given nothing of it before, and do it then, whichever process they ask."""
    with ManagerClient(manager.url) as client, running_workers(tmp_path, manager.url, 2):
        assert wait_until(lambda: len(client.overview().workers) == 2, START_TIMEOUT_S)
        job = client.submit_job(
            JobRequest(
                name="job",
                type="echo",
                settings={"message": "hi", "count": 4},
                start_after="+3s",
                start_after_reason="try",
            )
        )
        row = client.lists.job(job.id)
        assert row.start_after is not None
        assert (row.start_after - row.created).total_seconds() == pytest.approx(3, abs=1)
        (reason,) = client.explain(job.id).waiting
        assert reason.reason.endswith(": try")
        assert wait_until(lambda: summary(manager.url, job.id).status is JobStatus.COMPLETED, START_TIMEOUT_S)
        attempts = list(client.attempts.of_job(job.id))
    assert len(attempts) == 4
    assert all(attempt.started >= row.start_after for attempt in attempts)
