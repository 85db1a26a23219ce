"""docs/five-minutes.md, done word for word: a manager, a worker, a job, and a picture, with Blender."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from flamenco.client import ManagerClient
from flamenco.demo.tools import find_blender
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import await_manager, wait_until
from tests.acceptance.test_faults import QUICK
from tests.acceptance.test_readme import environ, replaced, running
from tests.docs import manual

__all__ = ["environ"]

PAGE = "docs/five-minutes.md"
ADDRESS = "http://127.0.0.1:8080"


def typed(text: str, folder: Path, environ: dict[str, str]) -> str:
    """What lines for a shell print, which all have to work."""
    done = subprocess.run(
        ["sh", "-e", "-c", text], cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    return done.stdout


@pytest.mark.long
def test_five_minutes(tmp_path: Path, environ: dict[str, str]) -> None:
    """All that is to be typed works, and what it says that one sees is there: a log, and a picture."""
    blender = find_blender(None, os.environ).blender
    assert blender
    for_manager, for_worker, for_job, for_picture = manual.blocks("sh", PAGE)
    log = tmp_path / "manager.log"
    manager_line = f"{for_manager.strip()} --listen 127.0.0.1:0"
    with running(manager_line, tmp_path, log, environ) as process:
        manager = await_manager(process, tmp_path / "farm", log)
        here = {ADDRESS: manager.url}
        line = f"{replaced(for_worker, here).strip()} {shlex.join(QUICK)}"
        with running(line, tmp_path, tmp_path / "worker.log", environ):
            environ = {**environ, "FLAMENCO_MANAGER": manager.url}
            said = typed(for_job, tmp_path, environ)
            assert "completed" in said
            assert "hello" in said
            make, set_up, render, look = for_picture.strip().splitlines()
            with ManagerClient(manager.url) as client:
                here = {"--blender blender": f"--blender {blender.program}"}
                typed(f"{make}\n{replaced(set_up, here)}", tmp_path, environ)
                assert wait_until(lambda: client.setup.state().storage == str(tmp_path / "renders"), 60), (
                    log.read_text()
                )
                assert "Test render" in typed(f"{render}\n{look}", tmp_path, environ)
                ended = wait_until(lambda: client.overview().jobs[0].status is JobStatus.COMPLETED, 120)
                assert ended, log.read_text()
    assert list((tmp_path / "renders" / "flamenco-test").glob("*.png"))
