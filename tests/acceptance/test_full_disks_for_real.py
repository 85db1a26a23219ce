"""A disk that is full, and a file that nobody has: a real Blender, real workers, and what a manager makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.actions import WorkerAction
from flamenco.domain.statuses import JobStatus, WorkerStatus
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.test_failures_for_real import full
from tests.acceptance.test_faults import is_completed, running_workers, summary
from tests.acceptance.test_frames_again import scene, tell_manager

__all__ = ["full"]

LONG_S: Final = 240.0


def submit(client: ManagerClient, settings: dict[str, Any]) -> str:
    """A job that renders PNG, the usual format; its id."""
    return client.submit_job(JobRequest(name="shot", type="simple-blender-render", settings=settings)).id


@pytest.mark.long
def test_a_full_disk_and_a_missing_file(tmp_path: Path, full: Path) -> None:
    """The job fails with the file's name once a second worker says so; a full disk is the workers', until it is not."""
    made = scene(tmp_path)
    tell_manager(tmp_path, made)
    with (
        running_manager(tmp_path) as manager,
        ManagerClient(manager.url) as client,
        running_workers(tmp_path, manager.url, 2, "--poll-asleep", "100ms"),
    ):
        gone = submit(client, made["settings"] | {"blendfile": f"{tmp_path}/gone.blend"})
        assert wait_until(lambda: summary(manager.url, gone).status is JobStatus.FAILED, LONG_S), manager.log
        assert f"The file {tmp_path}/gone.blend is missing, or cannot be read." in client.jobs.get(gone).activity
        assert len({attempt.worker.id for attempt in client.attempts.of_job(gone)}) == 2

        shot = submit(client, made["settings"] | {"render_output_path": f"{full}/####"})
        assert wait_until(lambda: {each.status for each in client.workers.all()} == {WorkerStatus.ERROR}, LONG_S)
        assert summary(manager.url, shot).tasks["completed"] == 0
        reasons = {attempt.reason for attempt in client.attempts.of_job(shot)}
        assert all("There is no space left on a disk of" in reason for reason in reasons)
        assert all("No space left on device" in reason for reason in reasons)

        for left in full.iterdir():
            left.unlink()
        ids = [worker.id for worker in client.workers.all()]
        assert client.actions.on("workers", WorkerAction.HEAL, {}, ids=ids).done == 2
        assert wait_until(lambda: is_completed(manager.url, shot), LONG_S), summary(manager.url, shot)
    images = sorted(full.glob("*.png"))
    assert [path.name for path in images] == [f"{frame:04}.png" for frame in range(1, 7)]
    for path in images:
        with Image.open(path) as image:
            image.load()
