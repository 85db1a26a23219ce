"""What the demo renders with, what it submits, and how it looks at what came out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from flamenco.demo.results import check_frames, count_video_frames
from flamenco.demo.run import free_port
from flamenco.demo.tools import find_blender, find_ffmpeg, path_with
from flamenco.demo.work import render_scene, transcode_clip
from flamenco.domain.errors import Failed, Refused


@pytest.fixture
def ffmpeg() -> Path:
    """A real FFmpeg."""
    return find_ffmpeg(os.environ)


def program(folder: Path, name: str, says: str, code: int = 0) -> Path:
    """A program that prints something."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_the_users_blender_comes_first(tmp_path: Path) -> None:
    """The option beats the variable, which beats PATH."""
    named = program(tmp_path / "a", "blender-a", "Blender 4.2.1 LTS")
    variable = program(tmp_path / "b", "blender-b", "Blender 4.1.0")
    on_path = program(tmp_path / "c", "blender", "Blender 3.6.0")
    environ = {"PATH": str(on_path.parent)}
    descriptions = [
        found.description
        for found in (
            find_blender(str(named), environ | {"BLENDER": str(variable)}).blender,
            find_blender(None, environ | {"BLENDER": str(variable)}).blender,
            find_blender(None, environ).blender,
        )
        if found
    ]
    assert descriptions == ["Blender 4.2.1", "Blender 4.1.0", "Blender 3.6.0"]


@pytest.mark.parametrize(
    ("says", "code", "message"),
    [
        ("Blender 2.79", 0, r"is Blender 2\.79, the demo's scene needs 3\.0 or newer"),
        ("Krita 5", 0, "does not run as Blender does: Krita 5"),
        ("Blender 4.2.0", 1, "does not run as Blender does"),
        ("", 127, "does not run as Blender does"),
    ],
)
def test_a_blender_that_does_not_do_is_refused(tmp_path: Path, says: str, code: int, message: str) -> None:
    """A Blender that the user named is used or refused with the reason, never silently replaced."""
    path = program(tmp_path, "blender", says, code)
    with pytest.raises(Refused, match=message):
        find_blender(str(path), {})
    with pytest.raises(Refused, match=r"\$BLENDER"):
        find_blender(None, {"BLENDER": str(path)})


def test_a_blender_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message has the path, and where it came from."""
    with pytest.raises(Refused, match="--blender says /nowhere/blender, which is not a program"):
        find_blender("/nowhere/blender", {"PATH": str(tmp_path)})


def test_ffmpeg_is_put_on_the_path(tmp_path: Path) -> None:
    """Workers find it by the name that job types use, whatever it is called where it lies."""
    odd = program(tmp_path / "wheel", "ffmpeg-linux-v7", "ffmpeg version 7")
    path = path_with(odd, "ffmpeg", tmp_path / "bin", {"PATH": "/nowhere"})
    found = shutil.which("ffmpeg", path=path)
    assert found
    assert Path(found).resolve() == odd
    assert path_with(Path(found), "ffmpeg", tmp_path / "bin", {"PATH": path}) == path


def test_chunks_keep_all_workers_busy(tmp_path: Path) -> None:
    """The scene is a copy in the farm's storage, and there are a few tasks for each worker."""
    work = render_scene(tmp_path, 24, 2)
    assert work.request.settings["frames"] == "1-24"
    assert work.request.settings["chunk_size"] == 3
    assert Path(work.request.settings["blendfile"]).stat().st_size > 10_000
    assert work.frames[0] == tmp_path / "renders/000001.png"
    assert len(work.frames) == 24
    assert work.video == tmp_path / "renders/fan-1-24.mp4"


def test_a_clip_is_generated(tmp_path: Path, ffmpeg: Path) -> None:
    """Without Blender there is something to transcode, as long as was asked for."""
    work = transcode_clip(tmp_path, 30, 2, ffmpeg)
    assert work.request.type == "ffmpeg-transcode"
    assert count_video_frames(tmp_path / "clip.mkv", ffmpeg) == 30


def test_video_frames_are_counted(tmp_path: Path, ffmpeg: Path) -> None:
    """Each frame counts, also those that look alike; what is no video is told."""
    video = tmp_path / "video.mp4"
    source = ["-f", "lavfi", "-i", "color=red:size=64x64:rate=12", "-frames:v", "17"]
    subprocess.run([str(ffmpeg), "-v", "error", *source, str(video)], check=True)
    assert count_video_frames(video, ffmpeg) == 17
    with pytest.raises(Failed, match="there is no video"):
        count_video_frames(tmp_path / "other.mp4", ffmpeg)
    video.write_bytes(b"not a video")
    with pytest.raises(Failed, match="cannot be decoded"):
        count_video_frames(video, ffmpeg)


def test_frames_are_read(tmp_path: Path) -> None:
    """A frame that is missing, cut off or no image is named."""
    frames = [tmp_path / f"{number:06}.png" for number in (1, 2)]
    for frame in frames:
        Image.effect_noise((64, 64), 50).save(frame)
    check_frames(frames)
    frames[1].write_bytes(frames[1].read_bytes()[:500])
    with pytest.raises(Failed, match=r"000002\.png cannot be read"):
        check_frames(frames)
    frames[1].unlink()
    with pytest.raises(Failed, match=r"1 of 2 frames are missing, the first is .*000002\.png"):
        check_frames(frames)


def test_a_port_in_use_is_refused() -> None:
    """One sentence says which port, before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"port {port} cannot be used"):
            free_port(port)
    assert free_port(0) > 0
