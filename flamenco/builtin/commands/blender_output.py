"""What Blender says while it renders, and whether it did what its command line asks for.

Blender ends with exit code 0 after many an error, so its frames are counted. Pure: text in, sentences out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from flamenco import CommandFailed

# Up to Blender 4.5 these stand at the start of a line, Time after a space; from 5.0 on, after a column
# with a clock and a column that says which part of Blender speaks.
_START = r"(?:^\s*|render\s+\|\s+)"
_SAVED = re.compile(_START + r"Saved: '(?P<path>.*)'")
_SKIPPED = re.compile(_START + r"[Ss]kipping existing frame(?: \"(?P<path>.*)\")?")
_TIME = re.compile(_START + r"Time: [0-9:.]")

# Blender's own, and what ends the traceback of a script.
_ERROR = re.compile(r"^\s*(?:Error: (?P<text>.+)|(?P<raised>[A-Z]\w*(?:Error|Exception): .+))")
_NO_REASON = ("Python: Traceback", "script failed", "Not freed memory")

_RANGE = re.compile(r"([0-9]{1,15})(?:\.\.([0-9]{1,15}))?")
_NUMBER = re.compile(r"[0-9]+")

LAST_FRAME: Final = 1_048_574
"""Blender renders this one where a later one is asked for."""

ERRORS_TOLD: Final = 3
FRAMES_TOLD: Final = 20


def saved_image(line: str) -> str | None:
    """The file that Blender says it has written in this line of output, if any."""
    match = _SAVED.search(line)
    return match["path"] if match else None


def is_frame_done(line: str) -> bool:
    """Whether Blender says in this line of output that it is done with a frame: rendered, or there already."""
    return bool(_TIME.search(line) or _SKIPPED.search(line))


def frames_asked(arguments: Sequence[str]) -> tuple[range, ...]:
    """The frames that `-f` asks for, in their order; none where the arguments alone do not tell how many there are.

    That is so for numbers that count from the scene's start or end, ranges that run backwards, whole animations, and
    a Blender that is told to be quiet.
    """
    ranges: list[range] = []
    own = list(arguments)[: list(arguments).index("--")] if "--" in arguments else list(arguments)
    if {"-a", "--render-anim", "-q", "--quiet"}.intersection(own):
        return ()
    for option, value in pairwise(own):
        if option not in ("-f", "--render-frame"):
            continue
        for part in value.split(","):
            match = _RANGE.fullmatch(part)
            if not match or int(match[2] or match[1]) < int(match[1]):
                return ()
            ranges.append(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(ranges)


def refuse_unknown_frames(asked: Sequence[range]) -> None:
    """Raise `CommandFailed` for a frame that Blender does not have: it renders another one instead, or none."""
    last = max((frames[-1] for frames in asked), default=0)
    if last > LAST_FRAME:
        raise CommandFailed(f"frame {last} is out of range: the last frame that Blender renders is {LAST_FRAME}")


class BlenderOutput:
    """What is remembered of the lines that Blender prints."""

    def __init__(self) -> None:
        self._spoke = False
        self._done = 0
        self._images: dict[str, None] = {}
        self._errors: dict[str, None] = {}

    def follow(self, line: str) -> None:
        """Take note of a line of output."""
        self._spoke = True
        if is_frame_done(line):
            self._done += 1
        if image := _SAVED.search(line) or _SKIPPED.search(line):
            self._images[image["path"] or ""] = None
        if (error := _ERROR.search(line)) and not (error["text"] or "").startswith(_NO_REASON):
            text = (error["text"] or error["raised"]).strip()
            self._errors.pop(text, None)
            self._errors[text] = None
            if len(self._errors) > ERRORS_TOLD:
                del self._errors[next(iter(self._errors))]

    def explain(self, reason: str) -> str:
        """The reason why the command failed, and after it what Blender said about that."""
        return ": ".join(filter(None, (reason, "; ".join(self._errors))))

    def missing(self, asked: Sequence[range]) -> str:
        """What was asked for and not rendered, as a sentence; nothing when all was, or nobody can tell.

        A frame is done once, however many images it has: one for each view, say. A Blender that says nothing at all
        is wrapped in something that keeps its words.
        """
        count = sum(len(frames) for frames in asked)
        done = self._done or len(self._images)
        if done >= count or not self._spoke:
            return ""
        return f"Blender ended without all frames: {done} of {count} are rendered{self._names(asked, count - done)}"

    def _names(self, asked: Sequence[range], expected: int) -> str:
        """Which frames are missing, where names of images tell."""
        named = {int(number) for path in self._images for number in _NUMBER.findall(re.split(r"[/\\]", path)[-1])}
        missing = [frame for frames in asked for frame in frames if frame not in named]
        if len(missing) != expected:
            return ""
        more = f" and {expected - FRAMES_TOLD} more" if expected > FRAMES_TOLD else ""
        return f", missing is {', '.join(map(str, missing[:FRAMES_TOLD]))}{more}"
