"""Jobs that wait for others, typed as docs/dependencies.md has them: with workers, and a manager that is killed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from flamenco.client import ManagerClient
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import STOP_TIMEOUT_S, Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers
from tests.docs import manual

LONG_S = 90.0
LATE_S = 10.0

# Each says which frame it has done, and fails where what it needs is not there. The simulation takes its time.
SCRIPTS = {
    "sim": "sleep 0.3; touch {folder}/sim-$frame",
    "light": "test -e {folder}/sim-8 && touch {folder}/light-$frame",
    "comp": "test -e {folder}/light-$frame && touch {folder}/comp-$frame",
}


def typed(heading: str) -> list[str]:
    """The lines for a shell below a heading of the manual."""
    text = (manual.ROOT / "docs" / "dependencies.md").read_text("utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    block = section.partition("```sh\n")[2].partition("```")[0].replace("\\\n", " ")
    return [line for line in block.splitlines() if line]


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str, str], str]:
    """Types a line of the manual; the scripts are in this test's folder."""
    for name, text in SCRIPTS.items():
        loop = f'for frame in $(seq "${{1%-*}}" "${{1#*-}}"); do {text} || exit 1; done'
        script = tmp_path / f"{name}.sh"
        script.write_text(f"#!/bin/sh\nset -- $(echo $1 | tr ',' '-')\n{loop}\n".replace("{folder}", str(tmp_path)))
        script.chmod(0o755)

    def run(line: str, url: str) -> str:
        words = shlex.split(line.replace("/mnt/farm", str(tmp_path)))[1:]
        command = [sys.executable, "-m", "flamenco", *words, "--manager", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    return run


def status(url: str, name: str) -> str:
    """Where the job with that name stands."""
    with ManagerClient(url) as client:
        return next(job.status for job in client.jobs.all() if job.name == name)


def frames_of(folder: Path, name: str) -> int:
    """How many frames are done."""
    return len(list(folder.glob(f"{name}-*")))


def kill_all(manager: Manager) -> None:
    """End all its processes as a machine that loses power does."""
    os.killpg(manager.process.pid, signal.SIGKILL)
    manager.process.wait(STOP_TIMEOUT_S)


@pytest.mark.long
def test_what_the_manual_says_is_done(tmp_path: Path, run: Callable[[str, str], str]) -> None:
    """Whatever is killed meanwhile, nothing runs before what it needs is there, and all runs in the end."""
    with running_manager(tmp_path, "--processes", "2") as manager:
        url = manager.url
        *submissions, explain = typed("Render the lighting job when the simulation is done")
        for line in submissions:
            run(line, url)
        submit, listing = typed("Start each frame as soon as its own is simulated")
        run(submit, url)
        assert 'Waits until the job "Sim 12"' in run(explain, url)
        assert "Waits frame by frame for the job" in run(listing, url)
        # As a client of today sees it.
        (light,) = (job for job in httpx.get(f"{url}/api/v3/jobs").json()["jobs"] if job["name"] == "Light 12")
        assert (light["status"], light["activity"][:11]) == ("queued", "Waits until")
        with running_workers(tmp_path, url, 2):
            assert wait_until(lambda: frames_of(tmp_path, "sim") >= 3, LONG_S)
            kill_all(manager)
            with running_manager(tmp_path, "--processes", "2", listen=f"127.0.0.1:{urlsplit(url).port}") as again:
                assert wait_until(lambda: frames_of(tmp_path, "light") >= 2, LONG_S)
                kill_all(again)
            with running_manager(tmp_path, "--processes", "2", listen=f"127.0.0.1:{urlsplit(url).port}") as last:
                assert wait_until(lambda: status(last.url, "Comp 12") == JobStatus.COMPLETED, LONG_S), last.log
                assert [frames_of(tmp_path, name) for name in SCRIPTS] == [8, 8, 8]


@pytest.mark.long
def test_a_person_decides(tmp_path: Path, manager: Manager, run: Callable[[str, str], str]) -> None:
    """What failed holds the other job until somebody says that it counts as done."""
    *submissions, explain = typed("Render the lighting job when the simulation is done")
    for line in submissions:
        run(line, manager.url)
    (more,) = typed("Wait for the frames around each one")
    satisfy, drop = typed("When the other job fails, or is deleted")
    run('flamenco cancel "Sim 12"', manager.url)
    assert wait_until(lambda: "Held: " in run(explain, manager.url), LATE_S)
    for number in range(1, 9):
        (tmp_path / f"sim-{number}").touch()
    with running_workers(tmp_path, manager.url, 1):
        run(satisfy, manager.url)
        assert wait_until(lambda: status(manager.url, "Light 12") == JobStatus.COMPLETED, LONG_S)
    assert "waits for no other job" in run(drop, manager.url)
    run('flamenco requeue "Light 12"', manager.url)
    run('flamenco requeue "Sim 12"', manager.url)
    assert "frames -1 to +1" in run(more, manager.url)
    assert wait_until(lambda: "waiting" in run('flamenco depend list "Light 12"', manager.url), LATE_S)
    found = json.loads(run('flamenco explain "Light 12" --json', manager.url))
    assert [each["why"] for each in found["waiting"]] == ["job-dependency"]
