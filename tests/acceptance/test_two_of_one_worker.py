"""A data folder that was copied: two real workers of one identity, and what becomes of their task."""

from __future__ import annotations

import shutil
from itertools import groupby
from pathlib import Path

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, wait_until
from tests.acceptance.test_faults import running_workers, summary

BEATING_JOB_TYPE = """
const JOB_TYPE = { label: "Beating", settings: [{ key: "folder", type: "string", required: true }] };

function compileJob(job) {
    const task = author.Task("beat", "misc");
    const script = `until [ -e "$0/finish" ]; do echo $$ >> "$0/beats"; sleep 0.05; done`;
    task.addCommand(author.Command("exec", { exe: "/bin/sh", args: ["-c", script, job.settings.folder] }));
    job.addTask(task);
}
"""
"""One task that notes the number of its process all the time, until there is a file `finish`."""

TAKEN_OVER_S = 60.0


def runs(folder: Path) -> list[str]:
    """The processes that ran the task, in their order; one that is there twice ran beside another."""
    beats = folder / "beats"
    return [pid for pid, _ in groupby(beats.read_text().split())] if beats.exists() else []


@pytest.mark.long
def test_a_task_never_runs_twice_at_a_time(tmp_path: Path, manager: Manager) -> None:
    """The worker that signed on earlier stops its task and says why; then the other one runs it, to its end."""
    (manager.data_dir / "jobtypes" / "beating.js").write_text(BEATING_JOB_TYPE)
    copy = tmp_path / "copy"
    copy.mkdir()
    with ManagerClient(manager.url) as client, running_workers(tmp_path, manager.url, 1) as (first,):
        job = client.submit_job(JobRequest(name="job", type="beating", settings={"folder": str(tmp_path)}))
        assert wait_until(lambda: len(runs(tmp_path)) == 1, START_TIMEOUT_S)
        shutil.copytree(tmp_path / "worker-0", copy / "worker-0")
        with running_workers(copy, manager.url, 1):
            assert wait_until(lambda: first.poll() is not None, START_TIMEOUT_S)
            assert first.returncode == 2
            said = (tmp_path / "worker-0.log").read_text()
            assert f"the folder {tmp_path / 'worker-0'} was probably copied" in said
            assert "Traceback" not in said
            assert wait_until(lambda: len(runs(tmp_path)) > 1, TAKEN_OVER_S)
            (tmp_path / "finish").touch()
            assert wait_until(lambda: summary(manager.url, job.id).status is JobStatus.COMPLETED)
            workers = httpx.get(f"{manager.url}/api/v3/worker-mgt/workers").json()["workers"]
            assert [worker["status"] for worker in workers] == ["awake"]
            (warning,) = [worker.warning for worker in client.overview().workers]
    assert len(set(runs(tmp_path))) == len(runs(tmp_path)) == 2
    assert "data folder" in warning
    assert "a worker is there twice" in manager.log
