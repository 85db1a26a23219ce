"""A preview as an artist has it: frames by a real Blender, looked at, approved by a link that somebody was sent."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest
from PIL import Image

from flamenco.client import ManagerClient
from tests.acceptance.conftest import START_TIMEOUT_S, running_manager, wait_until
from tests.acceptance.test_faults import is_completed, running_workers, summary
from tests.acceptance.test_frames_again import scene, tell_manager, written
from tests.acceptance.test_time_limits import ExistingWorker

LONG_S: Final = 240.0
FRAMES: Final = 9


def flamenco(url: str, *words: str) -> str:
    """Type a command, as the manual has it; what it says."""
    command = [sys.executable, "-m", "flamenco", *words, "--manager", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_rendered(folder: Path, *frames: int) -> None:
    """These frames are there, and no others: whole images that show something."""
    assert list(written(folder)) == [f"{frame:04}.png" for frame in frames]
    for frame in frames:
        with Image.open(folder / "out" / f"{frame:04}.png") as image:
            low, high = zip(*image.convert("RGB").getextrema(), strict=True)
        assert low[0] > 150, "it is a red strip"
        assert max(high[1:]) < 50


@pytest.mark.long
def test_a_preview_is_rendered_and_approved(tmp_path: Path) -> None:
    """Three frames are there and nothing else, until somebody presses the button behind the link; then all are."""
    made = scene(tmp_path)
    tell_manager(tmp_path, made)
    settings = made["settings"] | {"chunk_size": 1, "frames": f"1-{FRAMES}", "fps": 24}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    with running_manager(tmp_path) as manager, ManagerClient(manager.url) as client:
        submit = ("submit", "simple-blender-render", "--name", "Shot 15", "--preview", "first,middle,last")
        job = flamenco(manager.url, *submit, *words).strip()
        with running_workers(tmp_path, manager.url, 2):
            assert wait_until(lambda: client.lists.job(job).preview == "waiting", LONG_S), manager.log
            assert_rendered(tmp_path, 1, 5, FRAMES)
            said = "Waiting for approval: the preview (first,middle,last) is there."
            assert said in flamenco(manager.url, "explain", "Shot 15")
            # One that speaks as existing workers do sees a job that is active, and nothing to do.
            assert (
                ExistingWorker(manager.url, "blender", "ffmpeg").ask("POST", "/task").status_code
                == httpx.codes.NO_CONTENT
            )
            assert httpx.get(f"{manager.url}/api/v3/jobs/{job}").json()["status"] == "active"
            found = re.search(r"http\S+", flamenco(manager.url, "approve", "Shot 15", "--link", "--hours", "8"))
            assert found
            link = found[0]
            assert "Shot 15" in httpx.get(link, timeout=START_TIMEOUT_S).text
            assert_rendered(tmp_path, 1, 5, FRAMES)
            assert httpx.post(link, timeout=START_TIMEOUT_S).status_code == httpx.codes.OK
            assert wait_until(lambda: is_completed(manager.url, job), LONG_S), summary(manager.url, job)
            assert httpx.post(link, timeout=START_TIMEOUT_S).status_code == httpx.codes.NOT_FOUND
        attempts = list(client.attempts.of_job(job))
        tasks = client.jobs.tasks(job)
    assert_rendered(tmp_path, *range(1, FRAMES + 1))
    assert [each.stat().st_size > 0 for each in (tmp_path / "out").glob("*.mp4")] == [True]
    assert len(attempts) == len(tasks) == FRAMES + 1
