"""A plugin that does everything wrong, in a real farm: nobody but its own users notices."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient, ManagerError
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.test_faults import is_completed, running_workers, summary

LONGEST_REQUEST_S = 5.0

BAD = '''
"""Does everything wrong."""

import threading

from msgspec import Struct

from flamenco import CommandType, EventSink, PublishedEvent, Refused, Route, SchedulingPolicy, hookimpl


class Parameters(Struct):
    """Parameters that cannot even be read."""

    def __post_init__(self):
        raise RuntimeError("bad parameters")


def boom(*_):
    raise RuntimeError("bad plugin")


@hookimpl
def command_types():
    yield CommandType(name="bad", description="", task_types=("misc",), parameters=Parameters, run=boom)


@hookimpl
def job_settings(job_type):
    raise RuntimeError(f"no settings for {job_type.name}")


@hookimpl
def scheduling_policies():
    functions = {name: boom for name in ("score", "hold", "accepts", "limits", "account")}
    yield SchedulingPolicy(name="raises", description="", **functions)
    yield SchedulingPolicy(
        name="nonsense",
        description="",
        score=lambda jobs, farm: {job.id: float("nan") for job in jobs},
        hold=lambda jobs, farm: 7,
        accepts=lambda job, worker: "no",
        limits=lambda job, task_type: ["nuke"],
        account=lambda job: 3,
    )


@hookimpl
def event_sinks():
    yield EventSink(name="bad.hangs", description="", deliver=lambda event: threading.Event().wait(60))
    yield EventSink(name="bad.raises", description="", deliver=boom)


@hookimpl
def job_submitting(submission):
    if submission.name == "refused":
        raise Refused("this one is not wanted")
    raise RuntimeError("no idea")


@hookimpl
def job_compiled(job):
    return 42


@hookimpl
def api_routes():
    yield Route(path="boom", respond=boom, summary="Fails.")
    yield Route(path="nonsense", respond=lambda request, farm: 42, summary="Gives nonsense.")
'''

JOB_TYPE = """
const JOB_TYPE = { label: "Simple", settings: [] };

function compileJob(job) {
    for (const name of ["one", "two"]) {
        const task = author.Task(name, "misc");
        task.addCommand(author.Command(job.name === "bad" && name === "two" ? "bad" : "echo", { message: name }));
        job.addTask(task);
    }
}
"""


def test_a_bad_plugin_fails_nobody(tmp_path: Path) -> None:
    """Jobs come in, are handed out and completed, every request is answered soon; what it is meant to refuse it may.

    The manager's log names the plugin, and it stops in time although a sink of it hangs.
    """
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "bad.py").write_text(BAD)
    environ = {"FLAMENCO_PLUGINS_DIR": str(tmp_path / "plugins")}
    with running_manager(tmp_path, "--processes", "2", environ=environ) as manager:
        (manager.data_dir / "jobtypes" / "simple.js").write_text(JOB_TYPE)
        worker_plugins = ("--plugins-dir", str(tmp_path / "plugins"))
        with (
            ManagerClient(manager.url, timeout_s=LONGEST_REQUEST_S) as client,
            running_workers(tmp_path, manager.url, 2, *worker_plugins),
        ):
            good = [client.submit_job(JobRequest(name=f"good {n}", type="simple")).id for n in range(3)]
            bad = client.submit_job(JobRequest(name="bad", type="simple")).id
            with pytest.raises(ManagerError, match="this one is not wanted") as refused:
                client.submit_job(JobRequest(name="refused", type="simple"))
            assert refused.value.status == 400
            for job_id in good:
                assert wait_until(partial(is_completed, manager.url, job_id), 60)
            assert wait_until(lambda: summary(manager.url, bad).status is JobStatus.FAILED, 60)
            assert summary(manager.url, bad).tasks["completed"] == 1, "only the task with the bad command failed"
            for path in ("boom", "nonsense"):
                answer = httpx.get(f"{manager.url}/api/x/bad/{path}", timeout=LONGEST_REQUEST_S)
                assert (answer.status_code, set(answer.json())) == (500, {"code", "message"})
            assert client.explain(bad).open_jobs == 0
        before = time.monotonic()
        assert manager.stop() == 0
        assert time.monotonic() - before < 10
        for said in ("plugin=bad", "no idea", "policy=raises", "policy=nonsense"):
            assert said in manager.log, said


@pytest.mark.long
def test_the_start_is_stopped_by_what_can_never_work(tmp_path: Path) -> None:
    """A plugin that cannot be loaded ends the start with its name, file and line, and the way to do without it."""
    (tmp_path / "plugins").mkdir()
    file = tmp_path / "plugins" / "broken.py"
    file.write_text('"""Broken."""\n\nimport flamenco\n\nflamenco.no_such_name\n')
    environ = {"FLAMENCO_PLUGINS_DIR": str(tmp_path / "plugins")}
    with (
        pytest.raises(AssertionError, match="the manager ended with 2") as ended,
        running_manager(tmp_path, environ=environ),
    ):
        pass
    said = str(ended.value)
    assert f"{file}, line 5" in said
    assert "'broken'" in said
    assert "FLAMENCO_DISABLE_PLUGINS=broken" in said
    with running_manager(tmp_path, environ={**environ, "FLAMENCO_DISABLE_PLUGINS": "broken"}) as manager:
        assert httpx.get(f"{manager.url}/api/version").status_code == 200
