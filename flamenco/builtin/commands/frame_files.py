"""Finds the files of a job's frames, in the order of their numbers, by the names that Blender gives them.

`/frames/shot_####_v2.png` is the path of frames `shot_0001_v2.png`, `shot_-0005_v2.png` and `shot_12345_v2.png`. With
stereo, each frame has a file per view, with the view's suffix before the extension: `shot_0001_v2_L.png`.
"""

from __future__ import annotations

import glob
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from flamenco import CommandFailed
from flamenco.domain.frames import frame_ranges

_LEFT_EYE = "_L"
"""How Blender ends the names of left images, unless told otherwise."""

_MOST_NAMED = 10
"""How many frames a sentence about missing ones names."""

_NUMBER_SIGNS = re.compile(r"(.*?)(#+)([^#]*)")
"""The last of them in a name stand for the number."""

Log = Callable[[str], None]


def files_of_frames(frame_path: str, frames: str, log: Log) -> list[Path]:
    """The files of `frames`, each frame once, in ascending order.

    What is missing, and which of several views is taken, is said to `log`. Raises `CommandFailed` when the folder
    cannot be read, and ValueError when `frames` is no range of frames.
    """
    wanted = frame_ranges(frames)
    views = _views(Path(frame_path), wanted)
    # Files that are called as asked are all there is to it; suffixes may be those of other jobs.
    view = min(views, key=lambda view: (view != "", view != _LEFT_EYE, view), default="")
    if view:
        log(f"there are views called {', '.join(sorted(views))}; the video shows {view}")
    found = views.get(view, {})
    if missing := sum(map(len, wanted)) - len(found):
        named = list(islice((number for each in wanted for number in each if number not in found), _MOST_NAMED))
        more = ", …" if missing > len(named) else ""
        log(f"frames that are not there, and left out of the video: {', '.join(map(str, named))}{more}")
    return [found[number] for number in sorted(found)]


def files_of_pattern(pattern: str) -> list[Path]:
    """The files that a pattern of the shell matches, with numbers in their names in the order of those."""
    return [Path(name) for name in sorted(glob.glob(pattern), key=_natural)]  # noqa: PTH207 (it may be absolute)


def readable(files: Iterable[Path], log: Log) -> list[Path]:
    """Those of `files` that have something in them: FFmpeg ends the video at the first one that has not."""
    good = []
    for file in files:
        if problem := _why_not_readable(file):
            log(f"{file} {problem}, and is left out of the video")
        else:
            good.append(file)
    return good


def _views(frame_path: Path, wanted: Sequence[range]) -> dict[str, dict[int, Path]]:
    """The files of the frames that are `wanted` by their numbers, by the suffix of their view."""
    match = _NUMBER_SIGNS.fullmatch(frame_path.name)
    before, signs, after = match.groups() if match else (frame_path.stem, "####", frame_path.suffix)
    rest, dot, extension = after.rpartition(".")
    name = re.compile(
        rf"{re.escape(before)}(?P<number>-?[0-9]+){re.escape(rest)}(?P<view>\D.*|)(?i:{re.escape(dot + extension)})"
    )
    try:
        files = sorted(frame_path.parent.iterdir())
    except OSError as error:
        raise CommandFailed(f"cannot read the folder of the frames: {error}") from error
    starts = [each.start for each in wanted]
    views: dict[str, dict[int, Path]] = {}
    for file in files:
        if not (found := name.fullmatch(file.name)):
            continue
        number = int(found["number"])
        is_wanted = number in wanted[bisect_right(starts, number) - 1]
        if is_wanted and found["number"] == _written(number, len(signs)):
            views.setdefault(found["view"], {})[number] = file
    return views


def _written(number: int, digits: int) -> str:
    """The number of a frame as Blender writes it with at least `digits` digits: 0005, -0005, 12345."""
    return f"{'-' if number < 0 else ''}{abs(number):0{digits}}"


def _why_not_readable(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return "" if stream.read(1) else "is empty"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts `f2` before `f10`."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]
