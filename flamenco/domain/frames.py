"""Frame ranges such as `1-10,15`: counting them, and cutting them into chunks.

The same rules are written once more in JavaScript for job types (`compiler/prelude.js`); both are held to
`tests/vectors/frames.json`. A range is kept as intervals, so that `1-1000000` costs no more than `1-2`.
"""

from __future__ import annotations

import json
import re

MAX_CHUNKS = 1_000_000
"""More chunks than this are refused rather than built: nobody can mean that many tasks."""

MAX_FRAME = 2**53 - 1
"""The largest frame number that JavaScript holds exactly too."""

WHITESPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What is trimmed off a range and its parts. Named here as `str.strip()` and JavaScript's `trim()` differ."""

_NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)

_Interval = tuple[int, int]
"""First and last frame, both included."""


def frame_chunker(frame_range: str, size: int) -> list[str]:
    """Cut `frame_range` into chunks of `size` frames, each written as a range again: `1-4`, `9,10,20,21`.

    Frames are sorted and counted once. Raises ValueError for anything that is no range, or an empty one.
    """
    text = frame_range.strip(WHITESPACE)
    if not text:
        raise ValueError(_invalid("", " empty range"))
    if size < 1:
        raise ValueError(f"invalid chunk size, must be positive number: {size}")
    intervals = _merged(_intervals(text))
    total = _count(intervals)
    if not total:
        raise ValueError(_invalid(text, " empty range"))
    if total > size * MAX_CHUNKS:
        raise ValueError(_invalid(text, f" more than {MAX_CHUNKS} chunks"))
    return [_written(chunk) for chunk in _cut(intervals, size)]


def frame_count(frame_range: str) -> int:
    """The number of distinct frames in `frame_range`. Raises ValueError for anything that is no range."""
    if not frame_range:
        raise ValueError(_invalid("", " empty range"))
    return _count(_merged(_intervals(frame_range)))


def _intervals(text: str) -> list[_Interval]:
    """Read the parts between commas. An interval that runs backwards holds no frames and is left out."""
    text = text.replace("..", "-")
    found = []
    for part in text.split(","):
        ends = part.split("-")
        if len(ends) > 2:
            raise ValueError(_invalid(text, f" {part}"))
        numbers = [_number(end, part, text) for end in ends]
        first, last = numbers[0], numbers[-1]
        if first <= last:
            found.append((first, last))
    return found


def _number(digits: str, part: str, text: str) -> int:
    """One frame number."""
    digits = digits.strip(WHITESPACE)
    if not _NUMBER.fullmatch(digits):
        raise ValueError(_invalid(text, f"  {part} ({_quoted(digits)} is not a number)"))
    # The length first: Python refuses to read very long numbers in words of its own.
    bare = digits.removeprefix("+").lstrip("0")
    if len(bare) > len(str(MAX_FRAME)) or int(bare or "0") > MAX_FRAME:
        raise ValueError(_invalid(text, f"  {part} ({_quoted(digits)} is out of range)"))
    return int(bare or "0")


def _merged(intervals: list[_Interval]) -> list[_Interval]:
    """The same frames in ascending order, each once, as few intervals as possible."""
    merged: list[_Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _count(intervals: list[_Interval]) -> int:
    return sum(last - first + 1 for first, last in intervals)


def _cut(intervals: list[_Interval], size: int) -> list[list[_Interval]]:
    """Consecutive groups of `size` frames, counted across gaps; the last may be smaller."""
    chunks: list[list[_Interval]] = []
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


def _written(chunk: list[_Interval]) -> str:
    """A chunk as people write it: three frames or more as `a-b`, two as `a,b`."""
    parts = []
    for first, last in chunk:
        if first == last:
            parts.append(str(first))
        else:
            parts.append(f"{first}{',' if last == first + 1 else '-'}{last}")
    return ",".join(parts)


def _invalid(text: str, reason: str) -> str:
    return f"invalid range {_quoted(text)}:{reason}"


def _quoted(text: str) -> str:
    """In double quotes, control characters escaped, like JavaScript's JSON.stringify."""
    return json.dumps(text, ensure_ascii=False)
