"""Looks at what the farm made: are all frames there, can they be read, has the video as many?"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from flamenco.demo.work import Work
from flamenco.domain.errors import Failed

DECODE_TIMEOUT_S = 120.0


def check(work: Work, ffmpeg: Path) -> None:
    """Raise `Failed` unless everything `work` promises is on disk and can be decoded."""
    check_frames(work.frames)
    found = count_video_frames(work.video, ffmpeg)
    if found != work.frame_count:
        raise Failed(f"{work.video} has {found} frames, it should have {work.frame_count}")


def check_frames(frames: Sequence[Path]) -> None:
    """Decode each image in full. Raises `Failed` naming the first that is missing or broken."""
    missing = [frame for frame in frames if not frame.is_file()]
    if missing:
        raise Failed(f"{len(missing)} of {len(frames)} frames are missing, the first is {missing[0]}")
    for frame in frames:
        try:
            with Image.open(frame) as image:
                image.load()
        except (UnidentifiedImageError, OSError) as error:
            raise Failed(f"{frame} cannot be read: {error}") from error


def count_video_frames(video: Path, ffmpeg: Path) -> int:
    """Decode `video` in full and count its frames. Raises `Failed` when it is missing or broken."""
    if not video.is_file():
        raise Failed(f"there is no video at {video}")
    # framecrc prints a line for each decoded frame, which needs no ffprobe: the wheel has none
    argv = [str(ffmpeg), "-v", "error", "-i", str(video), "-map", "0:v:0", "-f", "framecrc", "-"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=DECODE_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise Failed(f"{video} cannot be decoded: {error.stderr.decode(errors='replace').strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{video} cannot be decoded: {error}") from error
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())
