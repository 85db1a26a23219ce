"""The README, done: its configuration, its manager, a worker, and what an artist types, with Blender and FFmpeg."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from flamenco.client import ManagerClient
from flamenco.demo.tools import Blender, find_blender
from flamenco.domain.statuses import WorkerStatus
from tests.acceptance.conftest import STOP_TIMEOUT_S, await_manager, is_alive, wait_until
from tests.acceptance.test_faults import QUICK
from tests.docs import manual

SCENES = Path(__file__).with_name("frame_scenes.py")

WORKER = "render-07"
"""The worker that the README sends to sleep."""


def replaced(text: str, by: Mapping[str, str]) -> str:
    """The text for this machine. Fails when the README does not say any more what is replaced."""
    for old, new in by.items():
        assert old in text, f"the README has no {old} any more"
        text = text.replace(old, new)
    return text


def make_scene(blender: Blender, file: Path) -> None:
    """A scene that is quick to render, which is called as Blender calls the first one."""
    script = f"import bpy, runpy; make = runpy.run_path({str(SCENES)!r})['make_strip']; make(bpy.context.scene, 16); "
    script += f"bpy.ops.wm.save_as_mainfile(filepath={str(file)!r})"
    command = [blender.program, *shlex.split(blender.arguments), "--python-exit-code", "1", "--python-expr", script]
    subprocess.run(command, check=True, timeout=120, capture_output=True)


@contextmanager
def running(line: str, folder: Path, log: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a line in a shell in `folder`; in the end it is told to stop, with all that it has started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {line}"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
        process.terminate()
        process.wait(3 * STOP_TIMEOUT_S)
    finally:
        if is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_TIMEOUT_S)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine on which Flamenco is on the PATH, and nothing is set up."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("FLAMENCO_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), plain.get("PATH", "")])
    return {**plain, "PATH": path, "FLAMENCO_HOME": str(tmp_path / "home"), "COLUMNS": "120"}


@pytest.mark.long
def test_a_farm_as_the_readme_says(tmp_path: Path, environ: dict[str, str]) -> None:
    """Typed line by line, it is a farm that renders the shot; frames, log and worker are what it says they are."""
    blender = find_blender(None, os.environ).blender
    assert blender
    data, storage = tmp_path / "data", tmp_path / "farm"
    storage.mkdir()
    make_scene(blender, storage / "shot12.blend")
    here = {
        "/srv/flamenco": str(data),
        "/mnt/farm": str(storage),
        "listen: :8080": "listen: 127.0.0.1:0",
        "/opt/blender/blender": blender.program,
        "-b -y": blender.arguments,
    }
    (tmp_path / "flamenco-manager.yaml").write_text(replaced(manual.blocks("yaml", "README.md")[0], here))
    _try_it, for_manager, for_worker, for_artists = manual.blocks("sh", "README.md")

    show, start = [line.partition("  #")[0].strip() for line in for_manager.splitlines()]
    shown = subprocess.run(
        ["sh", "-c", show], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert "Our farm" in shown.stdout
    log = tmp_path / "manager.log"
    with running(start, tmp_path, log, environ) as process:
        manager = await_manager(process, data, log)
        search, _, named = for_worker.strip().partition("# or: ")
        assert search.strip() == "flamenco worker"  # it would find the managers of others on this network, too
        line = replaced(named, {"http://farm:8080": manager.url})
        quick = shlex.join(["--name", WORKER, *QUICK])
        with running(f"{line} {quick}", tmp_path, tmp_path / "worker.log", environ):
            # Fewer frames, but as many as make a third task, whose log is looked at.
            shot = {"http://farm:8080": manager.url, "/mnt/farm": str(storage), "1-250": "1-11"}
            done = subprocess.run(
                ["sh", "-e", "-c", replaced(for_artists, shot)],
                cwd=tmp_path,
                env=environ,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, (done.stdout, done.stderr, manager.log)
            assert len(list((storage / "renders" / "shot12").glob("0000*.png"))) == 11
            assert list((storage / "renders" / "shot12").glob("*.mp4"))
            assert "Shot 12" in done.stdout
            assert "Saved:" in done.stdout
            with ManagerClient(manager.url) as client:
                assert wait_until(lambda: client.overview().workers[0].status is WorkerStatus.ASLEEP, 120)
