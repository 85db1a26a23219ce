"""How a person tells FFmpeg which frames a video is of: without the list of files that workers give it. Pure."""

from __future__ import annotations

import re

from flamenco.domain.frames import frame_ranges

_ON_WINDOWS = re.compile(r"[A-Za-z]:|.*\\", re.DOTALL)
"""What a path looks like there, where FFmpeg knows no patterns of the shell."""

_NUMBER_SIGNS = re.compile(r"#+(?=[^#/]*$)")
"""The signs that stand for the number of a frame: the last of them, in the name of the file."""


def frames_by_hand(frame_path: str, frames: str, pattern: str) -> list[str]:
    """Arguments that name the frames: those from one to another by their numbers, any others by the pattern.

    Empty where FFmpeg would understand neither. Of frames that are not there, a worker leaves out more.
    """
    path = frame_path.replace("\\", "/")
    if signs := _NUMBER_SIGNS.search(path):
        ranges = frame_ranges(frames)
        if len(ranges) == 1 and ranges[0].start >= 0:
            (span,) = ranges
            before, after = (part.replace("%", "%%") for part in (path[: signs.start()], path[signs.end() :]))
            numbered = f"{before}%0{len(signs[0])}d{after}"
            return ["-start_number", str(span.start), "-i", numbered, "-frames:v", str(len(span))]
    if _ON_WINDOWS.match(pattern):
        return []
    return ["-pattern_type", "glob", "-i", pattern]
