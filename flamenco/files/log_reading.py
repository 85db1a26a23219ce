"""Reads a part of a log by its place in bytes, in whole lines. Nothing here knows where logs are."""

from __future__ import annotations

import contextlib
import os
from typing import Final

from msgspec import Struct

from flamenco.platforms import locks
from flamenco.platforms.places import read_at

_CONTINUATION: Final = bytes(range(0x80, 0xC0))
"""What a character in UTF-8 goes on with, and none begins with."""


class LogPart(Struct, frozen=True):
    """Some bytes of a log, from `offset` on, and how many all of it has."""

    data: bytes
    offset: int
    size: int

    @property
    def end(self) -> int:
        """Where the next part begins."""
        return self.offset + len(self.data)


NOTHING: Final = LogPart(b"", 0, 0)
"""What there is of a log that nobody has begun."""


def size_of(descriptor: int) -> int:
    """How many bytes an open log has, while nobody is in the middle of adding to it. Raises `OSError`.

    Who appends has it locked; a reader sees what is written page by page, else, and so parts of lines.
    """
    with contextlib.suppress(OSError):  # a file system that has no locks
        locks.lock(descriptor, shared=True)
    try:
        return os.fstat(descriptor).st_size
    finally:
        with contextlib.suppress(OSError):
            locks.unlock(descriptor)


def read(descriptor: int, offset: int, most: int) -> LogPart:
    """At most `most` bytes of an open log, from `offset` on; a negative one counts from the end. Raises `OSError`.

    What is not the end of the log ends with a line, and what is counted from the end begins with one; lines that are
    too long for that are cut between two characters.
    """
    size = size_of(descriptor)
    start = max(0, size + offset) if offset < 0 else min(offset, size)
    data = read_at(descriptor, min(most, size - start), start)
    if start + len(data) < size:
        data = data[: data.rfind(b"\n") + 1] or _whole_characters(data)
    if offset < 0 < start:
        # The beginning may be the rest of a line, and of a character.
        whole = data.partition(b"\n")[2] or data.lstrip(_CONTINUATION)
        start, data = start + len(data) - len(whole), whole
    return LogPart(data, start, size)


def _whole_characters(data: bytes) -> bytes:
    """The bytes without a last character that goes on in what follows."""
    for end in range(len(data) - 1, max(0, len(data) - 4), -1):
        if data[end] not in _CONTINUATION:
            return data[:end] if len(data) - end < _length(data[end]) else data
    return data


def _length(first: int) -> int:
    """How many bytes a character has that begins with that one."""
    return 1 + sum(first >= least for least in (0xC0, 0xE0, 0xF0))
