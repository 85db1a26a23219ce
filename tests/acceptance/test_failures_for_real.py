"""What Blender and FFmpeg really say when they fail, and what Flamenco's own failure rules make of it.

Excerpts of it are in tests/vectors/failure_logs.yaml, beside those of programs that are not here.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco import CommandFailed
from flamenco.demo.tools import Blender, find_ffmpeg
from flamenco.domain.failure_rules import lines_of
from flamenco.domain.shipped_rules import SHIPPED
from flamenco.files import rule_scan
from tests.acceptance.test_frames_for_real import Farm, blender, farm
from tests.acceptance.test_full_disk import fill
from tests.unit.commanding import Bench

__all__ = ["blender", "farm"]

pytestmark = pytest.mark.long

NOT_THERE = "/farm/not/there"


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk on which nothing is left."""
    folder = tmp_path / "full"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*as_root, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    fill(folder)
    yield folder
    subprocess.run([*as_root, "umount", "-l", str(folder)], check=True)


def judged(bench: Bench, failure: CommandFailed) -> str:
    """The rule that sees something in what was logged, and what it sees."""
    rules = list(SHIPPED)
    hit = rule_scan.first([SHIPPED[name].match for name in rules], lines_of(bench.log.encode(), f"Failed: {failure}"))
    return "none" if hit is None else ": ".join([rules[hit[0]], *filter(None, hit[2].values())])


def rendered(farm: Farm, **settings: Any) -> str:
    """What a job by `simple-blender-render` fails with."""
    bench = Bench()
    given = {"frames": "1", "render_output_path": "/nowhere/####"} | settings
    (task, *_) = farm.compile(given).tasks
    (command,) = farm.variables.commands(task.commands)
    with pytest.raises(CommandFailed) as failed:
        bench.run(command.name, **(command.parameters or {}))
    return judged(bench, failed.value)


def run(program: str, *arguments: str) -> str:
    """What a command line fails with."""
    bench = Bench()
    with pytest.raises(CommandFailed) as failed:
        bench.run("exec", exe=program, args=list(arguments))
    return judged(bench, failed.value)


def test_files_that_are_missing(farm: Farm) -> None:
    """Blender's own file, what it links and uses where that is to be an error, and frames for a video."""
    lost = str(farm.folder / "lost.blend")
    assert rendered(farm, blendfile=f"{NOT_THERE}.blend") == f"missing-file: {NOT_THERE}.blend"
    files = f"{farm.folder}/gone.png, {farm.folder}/library.blend"
    assert rendered(farm, blendfile=lost, missing_files="error") == f"missing-file: {files}"
    # Here they are warned of, and something else is wrong.
    assert rendered(farm, blendfile=lost, scene="Nope") == "none"


def test_frames_that_are_missing(tmp_path: Path) -> None:
    """FFmpeg names them, as a list, as a pattern, and with numbers."""
    ffmpeg, video = str(find_ffmpeg(os.environ)), str(tmp_path / "video.mp4")
    found = run(ffmpeg, "-i", f"{NOT_THERE}%d.png", video)
    assert found == f"missing-file: {NOT_THERE}%d.png"
    found = run(ffmpeg, "-pattern_type", "glob", "-i", f"{NOT_THERE}*.png", video)
    assert found == f"missing-file: {NOT_THERE}*.png"
    (tmp_path / "list.txt").write_text(f"file '{NOT_THERE}1.png'\n")
    found = run(ffmpeg, "-f", "concat", "-safe", "0", "-i", str(tmp_path / "list.txt"), video)
    assert found.startswith(f"missing-file: {NOT_THERE}1.png") or found == f"missing-file: {tmp_path / 'list.txt'}"


@pytest.mark.parametrize("name", ["JPEG", "OPEN_EXR", "PNG", "TIFF", "WEBP"])
def test_a_disk_is_full(farm: Farm, full: Path, name: str) -> None:
    """Whatever Blender writes, even where it says itself that it has saved it, and ends as if nothing were."""
    assert rendered(farm, scene="Large", format=name, render_output_path=f"{full}/####") == "disk-full"


def test_a_disk_is_full_of_videos(farm: Farm, full: Path, tmp_path: Path) -> None:
    """FFmpeg says so of the head of a video; and of its end, where it ends as if nothing were."""
    ffmpeg, frame = str(find_ffmpeg(os.environ)), tmp_path / "frame.png"
    shutil.copy(farm.folder / "whole" / "PNG.png", frame)
    assert run(ffmpeg, "-i", str(frame), f"{full}/video.mp4") == "disk-full"
    (full / "video.mp4").unlink()
    # The list of frames, which is beside the video, has its place, and nothing else.
    (full / "filler").write_bytes(bytes(60 * 1024))
    bench = Bench()
    with pytest.raises(CommandFailed) as failed:
        bench.run("frames-to-video", exe=ffmpeg, fps=25, inputGlob=str(frame), outputFile=f"{full}/video.mkv")
    assert judged(bench, failed.value) == "disk-full"


def test_what_no_rule_is_for(farm: Farm, blender: Blender, tmp_path: Path) -> None:
    """Others try it, as ever; and the command line in the log, with its scripts, is no reason for anything."""
    assert rendered(farm, render_output_path="/proc/nowhere/####") == "none"
    assert rendered(farm, scene="No Camera", render_output_path=f"{tmp_path}/####") == "none"
    before = [*shlex.split(blender.arguments), str(farm.folder / "scenes.blend"), "--scene"]
    rendering = ("--render-output", f"{tmp_path}/####", "--render-frame", "1")
    for device in ("CUDA", "OPTIX", "HIP"):
        assert run(blender.program, *before, "Room", *rendering, "--", "--cycles-device", device) == "none"
    huge = "import bpy; render = bpy.context.scene.render; render.resolution_x = render.resolution_y = 30000"
    little = ("prlimit", "--as=1600000000", "--core=0", blender.program)
    assert run(*little, *before, "Strip", "--python-expr", huge, *rendering) == "none"
    assert (
        run(str(find_ffmpeg(os.environ)), "-f", "lavfi", "-i", "color", "-c:v", "h266x", f"{tmp_path}/v.mp4") == "none"
    )
