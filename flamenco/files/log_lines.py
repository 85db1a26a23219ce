"""Where in an open log a line begins, and which line begins at a byte: by counting, for as long as that may take."""

from __future__ import annotations

import os
import time
from typing import Final

from msgspec import Struct

from flamenco.domain.errors import Refused
from flamenco.files.log_scan import Uncounted, lines_before
from flamenco.platforms.places import read_at

LONGEST_S: Final = 2.0
_BLOCK: Final = 256 * 1024
_TOO_LONG: Final = "That log is too long to count its lines."


class LinePlace(Struct, frozen=True):
    """A line by its number from 1, and its first byte."""

    line: int
    offset: int


FIRST: Final = LinePlace(1, 0)


def line_at(descriptor: int, offset: int, longest_s: float = LONGEST_S) -> LinePlace:
    """The line with that byte, or the last one. Raises `Refused` where counting takes too long, and `OSError`."""
    end = min(offset, _last_byte(descriptor))
    try:
        return LinePlace(lines_before(descriptor, end, time.monotonic() + longest_s) + 1, end)
    except Uncounted as error:
        raise Refused(_TOO_LONG) from error


def place_of(descriptor: int, line: int, longest_s: float = LONGEST_S) -> LinePlace:
    """Where the line with that number begins, or the last one. Raises what `line_at` does."""
    deadline = time.monotonic() + longest_s
    found = FIRST
    at, end = 0, _last_byte(descriptor)
    while found.line < line and (block := read_at(descriptor, min(_BLOCK, end - at), at)):
        if time.monotonic() >= deadline:
            raise Refused(_TOO_LONG)
        found = _within(block, at, found, line)
        at += len(block)
    return found


def _last_byte(descriptor: int) -> int:
    # A newline there begins no line.
    return max(0, os.fstat(descriptor).st_size - 1)


def _within(block: bytes, at: int, found: LinePlace, line: int) -> LinePlace:
    """The line, or the last one that is known to begin once this block is read, which is at byte `at` of the log."""
    lines = block.count(b"\n")
    if not lines:
        return found
    if found.line + lines < line:
        return LinePlace(found.line + lines, at + block.rfind(b"\n") + 1)
    end = -1
    for _ in range(line - found.line):
        end = block.find(b"\n", end + 1)
    return LinePlace(line, at + end + 1)
