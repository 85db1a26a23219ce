"""`flamenco demo`, as a user runs it: a real manager, real workers, a real Blender."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from flamenco.demo.results import count_video_frames
from flamenco.demo.tools import find_ffmpeg
from tests import length

DEMO = [sys.executable, "-m", "flamenco", "demo"]
USUAL = 24
"""How many frames the demo renders when nobody says."""
FRAMES = length.of(4, USUAL)
CHUNK = 3 if FRAMES == USUAL else 1
"""How many frames are rendered by one task."""
TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the demo works. Whatever a test does, no process of the demo may be left when it has ended."""
    chosen = tmp_path / "farm"
    yield chosen
    left = processes_in(chosen)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left


def processes_in(folder: Path) -> dict[int, str]:
    """Processes that work in `folder` or have it on their command line: id to command line."""
    mine = str(folder)
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mine in command or str((process / "cwd").readlink()).startswith(mine):
                found[int(process.name)] = command
    return found


def environment(**changes: str | None) -> dict[str, str]:
    """This test's environment with changes; None takes a variable away."""
    changed = {**os.environ, "COLUMNS": "200", **changes}
    return {name: value for name, value in changed.items() if value is not None}


def without_blender(tmp_path: Path) -> dict[str, str]:
    """An environment without Blender and FFmpeg on PATH, in which the bpy wheel cannot be imported."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "bpy.py").write_text("raise ImportError('libX11.so.6: cannot open shared object file')\n")
    return environment(PATH=str(hidden), PYTHONPATH=str(hidden), BLENDER=None)


def run(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end."""
    argv = [*DEMO, *arguments]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def outcome_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What `--json` printed, of a demo that went well."""
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


@contextlib.contextmanager
def running(*arguments: str, environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A demo whose workers have got their first tasks; killed at the end, should it still be there."""
    argv = [*DEMO, *arguments]
    with subprocess.Popen(
        argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        try:
            assert demo.stdout
            seen = []
            for line in demo.stdout:
                seen.append(line)
                if "worker-1: render" in line:
                    break
            else:
                pytest.fail(f"no worker rendered anything: {seen} {demo.communicate()[1]}")
            yield demo
        finally:
            if demo.poll() is None:  # after a failed assertion: let it clean up
                demo.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    demo.communicate(timeout=STOP_TIMEOUT_S)
            demo.kill()


@pytest.mark.longer
def test_the_demo_renders(folder: Path) -> None:
    """One command ends with all frames on disk, each another picture, and a video of as many."""
    outcome = outcome_of(run("--dir", str(folder), *([] if FRAMES == USUAL else ["--frames", str(FRAMES)]), "--json"))
    assert outcome["renderer"].startswith("Blender"), "this test needs Blender, or Python 3.11 and the bpy wheel"
    frames = sorted(Path(outcome["frames"]).glob("*.png"))
    assert [frame.name for frame in frames] == [f"{number:06}.png" for number in range(1, FRAMES + 1)]
    pictures = set()
    for frame in frames:
        with Image.open(frame) as image:
            assert image.size == (320, 180)
            pictures.add(image.tobytes())
    assert len(pictures) == FRAMES
    assert count_video_frames(Path(outcome["video"]), find_ffmpeg(os.environ)) == FRAMES
    logs = [path.read_text() for path in Path(outcome["logs"]).rglob("task-*.txt")]
    assert len(logs) == ceil(FRAMES / CHUNK) + 1
    assert sum(log.count("Saved: '") for log in logs) == FRAMES


@pytest.mark.long
def test_the_demo_says_what_it_does(folder: Path) -> None:
    """Where there is no terminal, plain lines tell how far it is and where things are at the end."""
    done = run("--dir", str(folder), "--frames", "2", "--workers", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Rendering with Blender")
    assert lines[1].startswith("Watch it in a browser: http://127.0.0.1:")
    assert any("job active: 1/3 tasks" in line for line in lines)
    assert lines[-4].startswith("2 frames in ")
    assert lines[-3].split() == ["frames", str(folder / "storage/renders")]
    assert lines[-2].split() == ["video", str(folder / "storage/renders/fan-1-2.mp4")]
    assert lines[-1].split() == ["logs", str(folder / "logs")]


@pytest.mark.long
def test_the_farm_stays_up(folder: Path) -> None:
    """With `--keep`, the page shows what was rendered for as long as one likes; Ctrl-C ends all of it, and well."""
    with running("--dir", str(folder), "--frames", "2", "--workers", "1", "--keep") as demo:
        assert demo.stdout is not None
        said = next(line for line in demo.stdout if line.startswith("The farm stays up: "))
        url = said.split()[4]
        page = httpx.get(url, headers={"Accept": "text/html"}, timeout=STOP_TIMEOUT_S)
        assert (page.status_code, "Flamenco demo" in page.text) == (200, True)
        (job,) = httpx.get(f"{url}/api/x/jobs", timeout=STOP_TIMEOUT_S).json()["jobs"]
        assert job["status"] == "completed"
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=STOP_TIMEOUT_S)
        assert demo.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_stopping_leaves_no_process(folder: Path, number: signal.Signals) -> None:
    """Ctrl-C in the middle of rendering stops manager, workers and renderers, and says where things are."""
    with running("--dir", str(folder)) as demo:
        while not processes_in(folder / "storage"):  # a worker that has its task is about to start Blender
            assert demo.poll() is None
        demo.send_signal(number)
        output, _ = demo.communicate(timeout=STOP_TIMEOUT_S)
        assert demo.returncode == 130
        assert not processes_in(folder)
        assert str(folder) in output.splitlines()[-1]


@pytest.mark.long
def test_stopping_takes_the_scratch_folder_away(tmp_path: Path) -> None:
    """A demo that was interrupted leaves nothing behind where the user chose no folder."""
    with running(environ=environment(TMPDIR=str(tmp_path))) as demo:
        assert list(tmp_path.glob("flamenco-demo-*"))
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=STOP_TIMEOUT_S)
    assert demo.returncode == 130
    assert not list(tmp_path.iterdir())
    assert not processes_in(tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("who", ["manager", "worker-2"])
def test_a_death_ends_the_demo(folder: Path, who: str) -> None:
    """When a process of the farm dies, the demo says which, shows its log, and stops the others."""
    with running("--dir", str(folder)) as demo:
        victims = processes_in(folder / who)
        assert victims
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        _, errors = demo.communicate(timeout=STOP_TIMEOUT_S)
    assert demo.returncode == 1
    assert f"the {who} ended with exit code -9; its log says:" in errors


@pytest.mark.long
def test_without_blender_a_clip_is_transcoded(folder: Path, tmp_path: Path) -> None:
    """The first line says that there is no Blender and why; a real job runs nevertheless, with FFmpeg from a wheel."""
    done = run("--dir", str(folder), "--frames", "48", "--json", environ=without_blender(tmp_path))
    outcome = outcome_of(done)
    first = done.stderr.splitlines()[0]
    assert first.startswith("No Blender to render with (there is no blender on PATH, and the bpy wheel does not work")
    assert "libX11.so.6" in first
    assert "transcoding a generated clip with FFmpeg instead" in first
    assert count_video_frames(Path(outcome["video"]), find_ffmpeg(os.environ)) == 48


def test_without_ffmpeg_the_demo_says_what_to_install(tmp_path: Path) -> None:
    """One sentence, before anything was started or left behind."""
    environ = without_blender(tmp_path) | {"TMPDIR": str(tmp_path)}
    (tmp_path / "hidden/imageio_ffmpeg.py").write_text("raise ImportError('hidden')\n")
    done = run(environ=environ)
    assert done.returncode == 1
    assert done.stderr.startswith("flamenco: there is no ffmpeg to make the video with: install FFmpeg")
    assert not list(tmp_path.glob("flamenco-demo-*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--blender", "/nowhere/blender"], "--blender says /nowhere/blender, which is not a program"),
        (["--timeout", "1"], "not done after 1 s"),
    ],
)
def test_what_goes_wrong_is_one_sentence(folder: Path, arguments: list[str], message: str) -> None:
    """Exit code 1 and a sentence, without a traceback."""
    done = run("--dir", str(folder), *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
