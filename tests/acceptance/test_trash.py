"""A real manager that is killed between deleting and having back: nothing is lost, and nothing stays that is to go."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import START_TIMEOUT_S, STOP_TIMEOUT_S, Manager, running_manager, wait_until
from tests.acceptance.test_background_chores import payloads
from tests.acceptance.test_cli_steering import Shell
from tests.acceptance.test_faults import running_workers

TAKEN_OVER_S = 30.0
"""A process that was killed has its leases for a while."""

SCENE = b"a scene" * 1000


@contextmanager
def killed(folder: Path) -> Iterator[Manager]:
    """A manager of two processes, all of which end as in a power cut when the block does."""
    with running_manager(folder, "--processes", "2") as manager:
        yield manager
        os.killpg(manager.process.pid, signal.SIGKILL)
        manager.process.wait(STOP_TIMEOUT_S)


def checked_out(url: str) -> str:
    """The checkout of a file that Shaman has."""
    sha = hashlib.sha256(SCENE).hexdigest()
    headers = {"Content-Type": "application/octet-stream"}
    sent = httpx.post(f"{url}/api/v3/shaman/files/{sha}/{len(SCENE)}", content=SCENE, headers=headers)
    assert sent.status_code in (200, 204, 208), sent.text
    wanted = {"checkoutPath": "film/shot", "files": [{"sha": sha, "size": len(SCENE), "path": "shot.blend"}]}
    made = httpx.post(f"{url}/api/v3/shaman/checkout/create", json=wanted)
    assert made.status_code == 200, made.text
    return str(made.json()["checkoutPath"])


def submitted(url: str, checkout: str) -> str:
    """A job with that checkout, as the add-on submits it."""
    job = {
        "name": "shot",
        "type": "echo",
        "priority": 50,
        "submitter_platform": "linux",
        "settings": {"message": "hello", "count": 3},
        "storage": {"shaman_checkout_id": checkout},
    }
    answer = httpx.post(f"{url}/api/v3/jobs", json=job)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def files_of(manager: Manager, job_id: str) -> dict[str, bytes]:
    """What is stored of a job: its logs, and its files in the Shaman storage."""
    folders = [manager.data_dir / "storage" / f"job-{job_id[:4]}", manager.data_dir / "shared" / "jobs"]
    found = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(manager.data_dir)): path.read_bytes() for path in found}


def told(client: ManagerClient, job_id: str) -> list[Any]:
    """Which events of a job say that it goes, or has gone."""
    found = (each for each in payloads(client, "/jobs") if each["id"] == job_id)
    return [word for each in found for word in ("delete_requested_at", "was_deleted") if word in each]


@pytest.mark.long
def test_deleted_killed_undeleted_and_deleted_for_good(tmp_path: Path) -> None:
    """Through power cuts: a completed job with a checkout comes back whole, one that waited is run to its end."""
    with killed(tmp_path) as manager:
        with running_workers(tmp_path, manager.url, 1), ManagerClient(manager.url) as client:
            done = submitted(manager.url, checked_out(manager.url))
            assert wait_until(lambda: client.job(done).status == JobStatus.COMPLETED, START_TIMEOUT_S)
        with ManagerClient(manager.url) as client:
            waiting = client.submit_job(JobRequest(name="waits", type="echo", settings={"message": "x"})).id
            files, tasks = files_of(manager, done), client.jobs.tasks(done)
            assert len(files) == 4
            for job_id in (done, waiting):
                client.jobs.delete(job_id)
    with killed(tmp_path) as manager, ManagerClient(manager.url) as client:
        flamenco = Shell(manager.url)
        for job_id in (done, waiting):
            assert httpx.get(f"{manager.url}/api/v3/jobs/{job_id}").status_code == 404
            assert wait_until(lambda job_id=job_id: "was_deleted" in told(client, job_id), TAKEN_OVER_S)  # type: ignore[misc]
            assert told(client, job_id) == ["delete_requested_at", "was_deleted"]
        assert files_of(manager, done) == files
        assert {job["name"] for job in flamenco.json("trash")} == {"shot", "waits"}
        assert flamenco("undelete", "shot", waiting[:8]).stdout == "shot: is back\nwaits: is back\n"
    with killed(tmp_path) as manager, ManagerClient(manager.url) as client:
        flamenco = Shell(manager.url)
        assert "empty" in flamenco("trash").stdout
        assert (client.job(done).status, client.jobs.tasks(done)) == (JobStatus.COMPLETED, tasks)
        with running_workers(tmp_path, manager.url, 1):
            assert wait_until(lambda: client.job(waiting).status == JobStatus.COMPLETED, START_TIMEOUT_S)
        assert files_of(manager, done) == files
        flamenco("delete", done, "--yes")
        flamenco("trash", "empty", "shot", "--yes")
    with running_manager(tmp_path) as manager, ManagerClient(manager.url) as client:
        assert wait_until(lambda: not files_of(manager, done), TAKEN_OVER_S)
        assert wait_until(lambda: not Shell(manager.url).json("trash"), TAKEN_OVER_S)
        assert client.job(waiting).status == JobStatus.COMPLETED


@pytest.mark.long
def test_archived_killed_and_brought_back(tmp_path: Path) -> None:
    """Through power cuts: what was to be archived is, and then it is nowhere else; and it comes back with its logs."""
    with killed(tmp_path) as manager, ManagerClient(manager.url) as client:
        flamenco = Shell(manager.url)
        with running_workers(tmp_path, manager.url, 1):
            job_id = client.submit_job(JobRequest(name="old", type="echo", settings={"message": "x", "count": 5})).id
            assert wait_until(lambda: client.job(job_id).status == JobStatus.COMPLETED, START_TIMEOUT_S)
        files, tasks = files_of(manager, job_id), client.jobs.tasks(job_id)
        assert len(files) == 5
        flamenco("archive", "old")
    with killed(tmp_path) as manager:
        flamenco = Shell(manager.url)
        assert wait_until(lambda: bool(flamenco.json("archives")) and not files_of(manager, job_id), TAKEN_OVER_S)
        (archive,) = flamenco.json("archives")
        assert (archive["name"], archive["tasks"], flamenco.json("trash")) == ("old", 5, [])
        assert flamenco("unarchive", archive["file"]).stdout == "old: is back\n"
    with running_manager(tmp_path) as manager, ManagerClient(manager.url) as client:
        assert (files_of(manager, job_id), client.jobs.tasks(job_id)) == (files, tasks)
        assert "is there" in Shell(manager.url).refused("unarchive", archive["file"])
        with running_workers(tmp_path, manager.url, 1):
            Shell(manager.url)("requeue", "old")
            assert wait_until(lambda: client.job(job_id).status == JobStatus.COMPLETED, START_TIMEOUT_S)
