"""A few frames first, with a manager and workers: real ones, and one that speaks as existing workers do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from flamenco.client import JobRequest, ManagerClient, Preview
from flamenco.domain.actions import JobAction
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers, summary
from tests.acceptance.test_time_limits import ExistingWorker

SCRIPT = '#!/bin/sh\necho "$1" >> "$0.done"\n'


def shot(folder: Path) -> dict[str, Any]:
    """A script that notes which frames it was run for, and settings to run it for twelve."""
    script = folder / "shot.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return {"script": str(script), "frames": "1-12"}


def rendered(folder: Path) -> list[int]:
    """The frames it was run for, in that order."""
    done = folder / "shot.sh.done"
    return [int(line) for line in done.read_text().split()] if done.exists() else []


def test_the_others_wait_until_somebody_approves(tmp_path: Path) -> None:
    """By the link that was made for it; also when the manager is killed meanwhile. Then all comes in its order."""
    settings = shot(tmp_path)
    with running_manager(tmp_path, "--processes", "2") as manager, ManagerClient(manager.url) as client:
        request = JobRequest(
            name="shot",
            type="frame-script",
            settings=settings,
            order="backward",
            preview=Preview(frames="first,middle,last"),
        )
        job = client.submit_job(request)
        with running_workers(tmp_path, manager.url, 1):
            assert wait_until(lambda: client.lists.job(job.id).preview == "waiting", START_TIMEOUT_S)
            assert sorted(rendered(tmp_path)) == [1, 6, 12]
            assert summary(manager.url, job.id).status is JobStatus.ACTIVE
            happened = client.events.after(0, ["/previews"])
            assert happened is not None
            (told,) = [each.payload for each in happened.events]
            assert (told["id"], told["state"]) == (job.id, "waiting")
            link = client.previews.make_link(job.id, 1).url
            assert httpx.get(link).status_code == 200
            assert len(rendered(tmp_path)) == 3
            assert httpx.post(link).status_code == 200
            assert wait_until(lambda: summary(manager.url, job.id).status is JobStatus.COMPLETED, START_TIMEOUT_S)
            assert httpx.post(link).status_code == 404
    assert rendered(tmp_path) == [12, 6, 1, 11, 10, 9, 8, 7, 5, 4, 3, 2]


def test_existing_workers_are_given_no_other(manager: Manager) -> None:
    """They ask as ever, and are told that there is nothing to do, until somebody approves."""
    existing = ExistingWorker(manager.url)
    body = {"name": "shot", "type": "frame-script", "priority": 50, "submitter_platform": "linux"}
    settings = {"script": "/mnt/farm/shot.sh", "frames": "1-4"}
    said = {"flamenco.order": "middle-out", "flamenco.preview": "last"}
    job = httpx.post(f"{manager.url}/api/v3/jobs", json={**body, "settings": settings, "metadata": said}).json()

    def next_frame() -> str:
        answer = existing.ask("POST", "/task")
        if answer.status_code == 204:
            return ""
        task = answer.json()
        assert existing.ask("POST", f"/task/{task['uuid']}", {"taskStatus": "completed"}).status_code == 204
        return str(task["name"])

    assert [next_frame(), next_frame(), next_frame()] == ["frames-4", "", ""]
    shown = httpx.get(f"{manager.url}/api/v3/jobs/{job['id']}").json()
    assert (shown["status"], shown["activity"][:20]) == ("active", "Waiting for approval")
    with ManagerClient(manager.url) as client:
        assert client.actions.on("jobs", JobAction.APPROVE, {}, ids=[job["id"]]).done == 1
    assert [next_frame() for _ in range(4)] == ["frames-1", "frames-3", "frames-2", ""]
    assert httpx.get(f"{manager.url}/api/v3/jobs/{job['id']}").json()["status"] == "completed"
