"""What the demo submits, and what must be on disk afterwards."""

from __future__ import annotations

import math
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

from msgspec import Struct

from flamenco.client import JobRequest
from flamenco.domain.errors import Refused

SCENE_FILE = "fan.blend"
SCENE = "Fan"
FPS = 12
"""Of the scene and of the generated clip, which last two seconds with the usual number of frames."""

TASKS_PER_WORKER = 4
"""Enough to see workers take turns, few enough to see each of them."""

CLIP_TIMEOUT_S = 120.0


class Work(Struct, frozen=True, kw_only=True):
    """A job and its outcome: `frames` are the images that must exist (none for a clip), `frame_count` the video's."""

    title: str
    request: JobRequest
    frame_count: int
    frames: tuple[Path, ...]
    video: Path


def render_scene(storage: Path, frame_count: int, workers: int) -> Work:
    """Put the scene into `storage` and make a job of rendering it there, in chunks that keep all workers busy."""
    scene = storage / SCENE_FILE
    with resources.as_file(resources.files("flamenco.demo") / SCENE_FILE) as shipped:
        shutil.copyfile(shipped, scene)
    renders = storage / "renders"
    settings = {
        "frames": f"1-{frame_count}",
        "chunk_size": math.ceil(frame_count / (workers * TASKS_PER_WORKER)),
        "render_output_root": renders.as_posix(),
        "add_path_components": 0,
        "render_output_path": (renders / "######").as_posix(),
        "blendfile": scene.as_posix(),
        "fps": FPS,
        "format": "PNG",
        "image_file_extension": ".png",
        "has_previews": False,
        "scene": SCENE,
    }
    return Work(
        title=f"render {frame_count} frames",
        request=_request("Flamenco demo: a fan", "simple-blender-render", settings),
        frame_count=frame_count,
        frames=tuple(renders / f"{frame:06}.png" for frame in range(1, frame_count + 1)),
        video=renders / f"{scene.stem}-1-{frame_count}.mp4",
    )


def transcode_clip(storage: Path, frame_count: int, workers: int, ffmpeg: Path) -> Work:
    """Generate a clip in `storage` and make a job of transcoding it. Raises `Refused` when FFmpeg cannot do it."""
    clip, video = storage / "clip.mkv", storage / "transcoded.mp4"
    source = f"testsrc2=size=320x180:rate={FPS}"
    command = [
        str(ffmpeg),
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        source,
        "-frames:v",
        str(frame_count),
        "-c:v",
        "ffv1",
    ]
    try:
        subprocess.run(
            [*command, str(clip)], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=CLIP_TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        raise Refused(f"{ffmpeg} cannot make a test clip: {error.stderr.decode(errors='replace').strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"{ffmpeg} cannot make a test clip: {error}") from error
    duration = frame_count / FPS
    settings = {
        "input_video": clip.as_posix(),
        "output_file": video.as_posix(),
        "duration_seconds": duration,
        "chunk_seconds": max(1.0, duration / (workers * TASKS_PER_WORKER)),
    }
    return Work(
        title=f"transcode {frame_count} frames",
        request=_request("Flamenco demo: a clip", "ffmpeg-transcode", settings),
        frame_count=frame_count,
        frames=(),
        video=video,
    )


def _request(name: str, job_type: str, settings: dict[str, Any]) -> JobRequest:
    return JobRequest(name=name, type=job_type, settings=settings, metadata={"project": "flamenco demo"})
