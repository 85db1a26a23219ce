"""Frame ranges such as `1-10,15`: counting them, and cutting them into chunks.

A range is parts between commas: a frame `7`, frames `1-10` (or `1..10`), every fifth of them `1-100x5` (or `1-100:5`).
Numbers may be negative, `-5--1`, and frames may go down, `10-1`: then they are rendered in the order in which they are
written. Otherwise they are sorted. Each frame counts once.

The same rules are written once more in JavaScript for job types (`compiler/prelude.js`); both are held to
`tests/vectors/frames.json`. Plain frames are kept as intervals, so that `1-1000000` costs no more than `1-2`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from msgspec import Struct

from flamenco.domain.intervals import Interval, count, merged

MAX_CHUNKS = 1_000_000
"""More chunks than this are refused rather than built: nobody can mean that many tasks."""

MAX_LISTED = 1_000_000
"""Most frames of a range with steps, negative frames, or frames that go down: these are kept one by one."""

MAX_FRAME = 2**53 - 1
"""The largest frame number that JavaScript holds exactly too."""

WHITESPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What is trimmed off a range and its parts. Named here as `str.strip()` and JavaScript's `trim()` differ."""

_NUMBER = re.compile(r"[+-]?[0-9]+")
_SPACE = f"[{WHITESPACE}]*"
_PART = re.compile(
    rf"{_SPACE}([+-]?[0-9]+){_SPACE}(?:(?:-|\.\.){_SPACE}([+-]?[0-9]+){_SPACE}(?:[x:]{_SPACE}([0-9]+){_SPACE})?)?"
)


class _Part(Struct, frozen=True):
    """What stands between two commas: frames from `first` to `last`, every `step`th, upwards or downwards."""

    first: int
    last: int
    step: int

    @property
    def descends(self) -> bool:
        return self.last < self.first

    @property
    def is_plain(self) -> bool:
        """Whether it is an interval, written as it always was."""
        return 0 <= self.first <= self.last and self.step == 1

    @property
    def frames(self) -> range:
        if self.descends:
            return range(self.first, self.last - 1, -self.step)
        return range(self.first, self.last + 1, self.step)


def frame_chunker(frame_range: str, size: int) -> list[str]:
    """Cut `frame_range` into chunks of `size` frames, each written as a range again: `1-4`, `9,10,20,21`.

    Frames that go up one by one are written as an interval, all others one by one: `10,9,8`, `1,6,11`, `-2,-1,0`.
    Raises ValueError for anything that is no range, or an empty one.
    """
    text = frame_range.strip(WHITESPACE)
    if not text:
        raise ValueError(_invalid("", " empty range"))
    if size < 1:
        raise ValueError(f"invalid chunk size, must be positive number: {size}")
    intervals = _intervals(text)
    if count(intervals) > size * MAX_CHUNKS:
        raise ValueError(_invalid(text, f" more than {MAX_CHUNKS} chunks"))
    return [written(chunk) for chunk in _cut(intervals, size)]


def frame_count(frame_range: str) -> int:
    """The number of distinct frames in `frame_range`. Raises ValueError for anything that is no range."""
    if not frame_range:
        raise ValueError(_invalid("", " empty range"))
    return count(_intervals(frame_range))


def frame_ranges(frame_range: str) -> list[range]:
    """The frames of `frame_range` in ascending order, each once, in as few ranges as possible. Raises ValueError."""
    return [range(first, last + 1) for first, last in merged(_intervals(frame_range.strip(WHITESPACE)))]


def frame_intervals(frame_range: str) -> list[Interval]:
    """The frames of `frame_range` in their order, each once; those that go up one by one are together.

    Raises ValueError.
    """
    return _intervals(frame_range.strip(WHITESPACE))


def _intervals(text: str) -> list[Interval]:
    """The frames in their order, as few intervals as possible; negative frames are intervals of their own."""
    parts = [_part(part, text) for part in text.split(",")]
    if all(part.is_plain for part in parts):
        return merged([(part.first, part.last) for part in parts])
    if sum(len(part.frames) for part in parts) > MAX_LISTED:
        raise ValueError(_invalid(text, f" more than {MAX_LISTED} frames that do not simply go up from 0"))
    frames = list(dict.fromkeys(frame for part in parts for frame in part.frames))
    if not any(part.descends for part in parts):
        frames.sort()
    intervals: list[Interval] = []
    for frame in frames:
        # Scripts make Blender's 1..10 of 1-10 by replacing every "-", so that no interval may have a minus in it.
        if intervals and frame == intervals[-1][1] + 1 and intervals[-1][0] >= 0:
            intervals[-1] = (intervals[-1][0], frame)
        else:
            intervals.append((frame, frame))
    return intervals


def _part(part: str, text: str) -> _Part:
    """Read what stands between two commas of the range `text`."""
    match = _PART.fullmatch(part)
    if not match:
        raise ValueError(_misread(part.replace("..", "-"), text))
    first = _number(match[1], part, text)
    last = first if match[2] is None else _number(match[2], part, text)
    step = 1 if match[3] is None else _number(match[3], part, text)
    if step == 0:
        raise ValueError(_invalid(text, f"  {part} (the step must be 1 or more)"))
    return _Part(first, last, step)


def _misread(part: str, text: str) -> str:
    """What is wrong with a part that cannot be read."""
    for end in part.split("-"):
        number = end.strip(WHITESPACE)
        if not _NUMBER.fullmatch(number):
            return _invalid(text, f"  {part} ({_quoted(number)} is not a number)")
    return _invalid(text, f" {part}")


def _number(digits: str, part: str, text: str) -> int:
    """One number of a part."""
    # The length first: Python refuses to read very long numbers in words of its own.
    bare = digits.lstrip("+-").lstrip("0") or "0"
    if len(bare) > len(str(MAX_FRAME)) or int(bare) > MAX_FRAME:
        raise ValueError(_invalid(text, f"  {part.replace('..', '-')} ({_quoted(digits)} is out of range)"))
    return -int(bare) if digits.startswith("-") else int(bare)


def _cut(intervals: list[Interval], size: int) -> list[list[Interval]]:
    """Consecutive groups of `size` frames, counted across gaps; the last may be smaller."""
    chunks: list[list[Interval]] = []
    free = 0
    for first, last in intervals:
        start = first
        while start <= last:
            if not free:
                chunks.append([])
                free = size
            end = min(last, start + free - 1)
            chunks[-1].append((start, end))
            free -= end - start + 1
            start = end + 1
    return chunks


def written(chunk: Iterable[Interval]) -> str:
    """Frames as people write them: three or more as `a-b`, two as `a,b`."""
    parts = []
    for first, last in chunk:
        if first == last:
            parts.append(str(first))
        else:
            parts.append(f"{first}{',' if last == first + 1 else '-'}{last}")
    return ",".join(parts)


def _invalid(text: str, reason: str) -> str:
    return f"invalid range {_quoted(text.replace('..', '-'))}:{reason}"


def _quoted(text: str) -> str:
    """In double quotes, control characters escaped, like JavaScript's JSON.stringify."""
    return json.dumps(text, ensure_ascii=False)
