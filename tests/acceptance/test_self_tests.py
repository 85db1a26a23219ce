"""Workers that test themselves: real ones at a real manager, good and bad, beside one that cannot do that.

What a worker has otherwise than the manager is said by variables: each worker here is of a platform of its own.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from flamenco.cli import main
from flamenco.client import JobRequest, ManagerClient, SelfTestReport
from flamenco.domain.statuses import WorkerStatus
from flamenco.worker import credentials
from flamenco.worker.credentials import Credentials
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers
from tests.acceptance.test_time_limits import ExistingWorker
from tests.docs.test_examples import lines_for_a_shell

SECRET = "a secret of enough letters"
SOON = ["--self-test-retry", "200ms", "--poll-asleep", "100ms"]

JOB_TYPE = """
const JOB_TYPE = { label: "Some of each", settings: [] };

function compileJob(job) {
    const say = author.Task("say", "misc");
    say.addCommand(author.Command("echo", { message: "hello" }));
    const render = author.Task("render", "blender");
    render.addCommand(author.Command("blender-render", { exe: "{blender}", blendfile: "a.blend" }));
    for (const task of [render, say]) job.addTask(task);
}
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager with a shared storage, which workers of other platforms have elsewhere, if at all."""
    for name in ("storage", "other", "data/jobtypes"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "jobtypes" / "some_of_each.js").write_text(JOB_TYPE)
    program(tmp_path / "blender", "echo Blender 9.9.9")
    program(tmp_path / "ffmpeg", "echo ffmpeg version 9")
    storages = {"linux": "storage", "freebsd": "storage", "darwin": "other"}
    blenders = {"linux": "blender", "freebsd": "no-blender", "darwin": "blender"}
    settings = {
        "shared_storage_path": str(tmp_path / "storage"),
        "self_test": {"timeout": "3s"},
        "variables": {
            "storage": {"is_twoway": True, "values": values(tmp_path, storages)},
            "blender": {"values": values(tmp_path, blenders)},
            "ffmpeg": {"values": values(tmp_path, {"all": "ffmpeg"})},
        },
    }
    (tmp_path / "data" / "flamenco-manager.yaml").write_text(json.dumps(settings))
    with running_manager(tmp_path, "--processes", "2") as running:
        yield running


def values(folder: Path, names: dict[str, str]) -> list[dict[str, str]]:
    """The values of a variable."""
    return [{"platform": platform, "value": str(folder / name)} for platform, name in names.items()]


def program(path: Path, text: str) -> None:
    """Write a program."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@contextmanager
def workers_of(folder: Path, manager: Manager, *platforms: str) -> Iterator[dict[str, str]]:
    """Running workers of these platforms, as the manager believes; their ids."""
    ids = {}
    for number, platform in enumerate(platforms):
        body = {"name": platform, "platform": platform, "secret": SECRET, "supported_task_types": ["misc"]}
        made = httpx.post(f"{manager.url}/api/v3/worker/register-worker", json=body).json()
        ids[platform] = made["uuid"]
        (folder / f"worker-{number}").mkdir()
        credentials.save(folder / f"worker-{number}" / credentials.FILE_NAME, Credentials(made["uuid"], SECRET))
    with running_workers(folder, manager.url, len(platforms), *SOON):
        yield ids


def last(client: ManagerClient, worker_id: str) -> SelfTestReport | None:
    """What a worker found last."""
    return client.self_tests.of_worker(worker_id).last


def has_tested(client: ManagerClient, worker_id: str) -> bool:
    """Whether a worker has tested itself, and taken its status then."""
    status = client.workers.get(worker_id).status
    return last(client, worker_id) is not None and status in (WorkerStatus.AWAKE, WorkerStatus.ERROR)


def run(manager: Manager, *words: str) -> Result:
    """Type a command."""
    return CliRunner().invoke(main, [*words, "--manager", manager.url])


def test_bad_workers_get_what_they_can_do(tmp_path: Path, manager: Manager) -> None:
    """One with another storage nothing, one without Blender all else; both are back when that is mended."""
    with ManagerClient(manager.url) as client, workers_of(tmp_path, manager, "darwin", "freebsd") as ids:
        elsewhere, without = ids["darwin"], ids["freebsd"]
        assert wait_until(lambda: all(has_tested(client, each) for each in ids.values()), START_TIMEOUT_S)
        assert client.workers.get(elsewhere).status is WorkerStatus.ERROR
        assert client.workers.get(without).status is WorkerStatus.AWAKE
        job = client.submit_job(JobRequest(name="job", type="some-of-each"))
        assert wait_until(lambda: client.jobs.tasks(job.id)[1].status == "completed", START_TIMEOUT_S)
        (attempt,) = client.attempts.of_job(job.id)
        assert attempt.worker.id == without
        (told,) = client.explain(job.id, elsewhere).waiting
        assert f"{tmp_path}/other is an empty folder, and not what the manager has at {tmp_path}/storage" in told.reason
        (told,) = client.explain(job.id, without).waiting
        assert f"has failed its self-test: Blender is not there: jobs call it '{tmp_path}/no-blender'" in told.reason
        # The share is mounted after all.
        (tmp_path / "other").rmdir()
        (tmp_path / "other").symlink_to(tmp_path / "storage")
        assert wait_until(lambda: client.workers.get(elsewhere).status is WorkerStatus.AWAKE, START_TIMEOUT_S)
        assert wait_until(lambda: len(list(client.attempts.of_job(job.id))) > 1, START_TIMEOUT_S)
        # Blender is installed, and hangs.
        program(tmp_path / "no-blender", "sleep 600")
        done = run(manager, "self-test", without)
        assert (done.exit_code, "did not say its version within 3 s" in done.stdout) == (1, True), done.output
        program(tmp_path / "no-blender", "echo Blender 9.9.9")
        done = run(manager, "self-test", without)
        assert (done.exit_code, "Blender 9.9.9 starts" in done.stdout) == (0, True), done.output
        assert wait_until(lambda: client.workers.get(without).status is WorkerStatus.AWAKE)
    assert list((tmp_path / "storage").iterdir()) == []


@pytest.mark.long
def test_what_the_manual_has_one_type(tmp_path: Path, manager: Manager) -> None:
    """All of it works, with a worker that is well, and one that speaks as existing workers do."""
    existing = ExistingWorker(manager.url)
    with ManagerClient(manager.url) as client, workers_of(tmp_path, manager, "linux") as ids:
        assert wait_until(lambda: has_tested(client, ids["linux"]), START_TIMEOUT_S)
        job = client.submit_job(JobRequest(name="Shot 12", type="some-of-each"))
        assert wait_until(lambda: client.jobs.tasks(job.id)[1].status == "completed", START_TIMEOUT_S)
        names = {"render-07": "w0", "render-08": "existing", "only-render-08": "only-existing"}
        said: dict[str, list[str]] = {}
        for line in lines_for_a_shell("docs/self-test.md"):
            words = [names.get(word, word) for word in shlex.split(line)[1:]]
            done = run(manager, *words)
            assert done.exit_code == 0, done.output
            said.setdefault(words[0], []).append(done.stdout)
        shown, once_more = said["self-test"]
        assert shown.startswith("w0: all is well\n")
        assert "Blender is there" in shown
        assert "Blender 9.9.9 starts" in once_more
        assert "MB a second" in once_more
        assert "storage" in said["tasks"][0]
        done = run(manager, "self-test", "existing")
        assert "worker-check" in done.stderr
        assert existing.ask("POST", "/task").json()["name"] == "blender"
        home = str(tmp_path / "worker-0")
        done = run(manager, "worker", "--self-test", "--data-dir", home, "--quiet")
        assert (done.exit_code, "Blender 9.9.9 starts" in done.stdout) == (0, True), done.output
        assert wait_until(lambda: client.workers.get(ids["linux"]).status is WorkerStatus.AWAKE), "it is no sign-on"
    assert list((tmp_path / "storage").iterdir()) == []
