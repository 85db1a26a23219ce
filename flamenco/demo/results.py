"""Looks at what the farm made: are all frames there, can they be read, has the video as many?"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from flamenco.demo.work import Work
from flamenco.domain.errors import FarmError

DECODE_TIMEOUT_S = 120.0


class BadResult(FarmError):
    """The farm says it is done and what it made is not right."""


def check(work: Work, ffmpeg: Path) -> None:
    """Raise `BadResult` unless everything `work` promises is on disk and can be decoded."""
    check_frames(work.frames)
    found = count_video_frames(work.video, ffmpeg)
    if found != work.frame_count:
        raise BadResult(f"{work.video} has {found} frames, it should have {work.frame_count}")


def check_frames(frames: Sequence[Path]) -> None:
    """Decode each image in full. Raises `BadResult` naming the first that is missing or broken."""
    missing = [frame for frame in frames if not frame.is_file()]
    if missing:
        raise BadResult(f"{len(missing)} of {len(frames)} frames are missing, the first is {missing[0]}")
    for frame in frames:
        try:
            with Image.open(frame) as image:
                image.load()
        except (UnidentifiedImageError, OSError) as error:
            raise BadResult(f"{frame} cannot be read: {error}") from error


def count_video_frames(video: Path, ffmpeg: Path) -> int:
    """Decode `video` in full and count its frames. Raises `BadResult` when it is missing or broken."""
    if not video.is_file():
        raise BadResult(f"there is no video at {video}")
    # framecrc prints a line for each decoded frame, which needs no ffprobe: the wheel has none
    argv = [str(ffmpeg), "-v", "error", "-i", str(video), "-map", "0:v:0", "-f", "framecrc", "-"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=DECODE_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise BadResult(f"{video} cannot be decoded: {error.stderr.decode(errors='replace').strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadResult(f"{video} cannot be decoded: {error}") from error
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())
