"""A frame is rendered again out of a chunk: by a real manager, real workers and a real Blender."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from flamenco.client import FramesWanted, JobRequest, ManagerClient
from flamenco.demo.tools import find_blender
from flamenco.domain.frames_again import Mode
from tests.acceptance.conftest import START_TIMEOUT_S, running_manager, wait_until
from tests.acceptance.test_faults import is_completed, running_workers
from tests.acceptance.test_time_limits import log_of
from tests.unit.commanding import Bench

SCENES = Path(__file__).with_name("frame_scenes.py")
LONG_S = 120.0


def scene(folder: Path) -> dict[str, Any]:
    """The settings of a job of quick frames, made by the Blender that renders them; and what the manager is told."""
    search = find_blender(None, os.environ)
    assert search.blender, search.problem
    program, arguments = search.blender.program, search.blender.arguments
    Bench().run(
        "exec",
        exe=program,
        args=[*shlex.split(arguments), "--python-exit-code", "1", "--python", str(SCENES), "--", str(folder)],
    )
    variables = {"blender": program, "blenderArgs": arguments}
    told = {name: {"values": [{"platform": "all", "value": value}]} for name, value in variables.items()}
    settings = {
        "blendfile": str(folder / "scenes.blend"),
        "chunk_size": 3,
        "format": "PNG",
        "scene": "Strip",
        "image_file_extension": ".png",
        "frames": "1-6",
        "render_output_path": str(folder / "out" / "####"),
    }
    return {"settings": settings, "variables": told}


def tell_manager(folder: Path, made: dict[str, Any]) -> None:
    """Have a manager that is started in this folder know the Blender."""
    (folder / "data").mkdir()
    # JSON is YAML as well.
    told = json.dumps({"variables": made["variables"]})
    (folder / "data" / "flamenco-manager.yaml").write_text(told)


def written(folder: Path) -> dict[str, int]:
    """When each frame was written."""
    return {path.name: path.stat().st_mtime_ns for path in sorted((folder / "out").glob("*.png"))}


@pytest.mark.long
def test_one_frame_is_rendered_again(tmp_path: Path) -> None:
    """Its file is newer, those of the others of its chunk are not; clients of today see a task like any other."""
    made = scene(tmp_path)
    tell_manager(tmp_path, made)
    with running_manager(tmp_path) as manager, ManagerClient(manager.url) as client:
        request = JobRequest(name="shot", type="simple-blender-render", settings=made["settings"])
        with running_workers(tmp_path, manager.url, 1):
            job = client.submit_job(request)
            assert wait_until(lambda: is_completed(manager.url, job.id), LONG_S), manager.log
            before = written(tmp_path)
            assert len(before) == 6
            found = client.frames.run_again(job.id, FramesWanted(frames="5", mode=Mode.SPLIT, reason="too dark"))
            assert ([each.name for each in found.created], found.requeued, found.notes) == (["render-5"], [], [])
            assert wait_until(lambda: is_completed(manager.url, job.id), LONG_S), manager.log
        after = written(tmp_path)
        listed = httpx.get(f"{manager.url}/api/v3/jobs/{job.id}/tasks", timeout=START_TIMEOUT_S).json()["tasks"]
        log = log_of(client, found.created[0].id)
    assert [name for name in after if after[name] != before[name]] == ["0005.png"]
    assert set(after) == set(before)
    assert [(task["name"], task["status"]) for task in listed] == [
        ("render-1-3", "completed"),
        ("render-4-6", "completed"),
        ("render-5", "completed"),
    ]
    assert set(listed[2]) == set(listed[0])
    assert "0005.png" in log
    assert "0004.png" not in log
