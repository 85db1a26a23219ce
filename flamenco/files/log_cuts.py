"""Cuts what a task has logged down to size: how it began and the newest stay, what is between goes, and is counted.

A program that prints without end would fill the disk that every task of the farm logs to. What people look for is what
was said last, and how it began; so a log that is too long loses all but an eighth at its beginning and its newer half.
Written aside and renamed: who reads the log meanwhile goes on with the one that was there. Where a file system has no
locks, lines that other processes write at that moment are lost.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from msgspec import Struct

from flamenco.platforms.places import read_at

BEGINNING: Final = 8
"""The part of the limit that what came first may take up, as a fraction of one."""
NEWEST: Final = 2
"""The same for what came last. The rest is room to grow, so that not every line has all of it written anew."""

LONGEST_LINE_BYTES: Final = 64 * 1024
"""Longer lines, which workers do not send, are cut within."""

_MIB: Final = 1024 * 1024
_SENTENCE: Final = re.compile(rb"----- left out here: (\d{1,18}) bytes[^\n]*\n")
_BLOCK_BYTES: Final = 1024 * 1024
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
"""What a character in UTF-8 goes on with, and none begins with."""


class Gap(Struct, frozen=True):
    """What is missing in a log: `left_out` bytes, where at byte `at` a sentence of so many bytes stands instead."""

    at: int
    left_out: int
    sentence: int

    def logged(self, offset: int) -> int:
        """How many bytes had been logged before what is at `offset` in the file."""
        return offset if offset <= self.at else max(self.at, offset - self.sentence + self.left_out)

    def offset(self, logged: int) -> int:
        """Where in the file that is which came when so many bytes had been logged."""
        if logged <= self.at:
            return logged
        return self.at if logged < self.at + self.left_out else logged - self.left_out + self.sentence


NO_GAP: Final = Gap(0, 0, 0)


def gap(descriptor: int, most_bytes: int) -> Gap:
    """What is missing in a log that is kept below `most_bytes`. Raises `OSError`."""
    at = _beginning_of_line(descriptor, most_bytes // BEGINNING)
    found = _SENTENCE.match(read_at(descriptor, 1024, at))
    return Gap(at, int(found[1]), len(found[0])) if found else NO_GAP


def cut(path: Path, descriptor: int, most_bytes: int) -> None:
    """Make the log at `path`, which is open, and locked, as `descriptor`, shorter than `most_bytes`.

    It is another file afterwards. Raises `OSError`; then it stays as it was.
    """
    size = os.fstat(descriptor).st_size
    head = _beginning_of_line(descriptor, most_bytes // BEGINNING)
    start = _beginning_of_line(descriptor, size - most_bytes // NEWEST)
    cut_before = _SENTENCE.match(read_at(descriptor, 1024, head))
    left_out = start - head
    if cut_before:
        left_out += int(cut_before[1]) - len(cut_before[0])
    aside = path.with_name(f"{path.name}~")
    try:
        aside.unlink(missing_ok=True)
        # Never what somebody has put there, and nothing for others to read.
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            aside.chmod(os.fstat(descriptor).st_mode & 0o777)
            _copy(descriptor, 0, head, file.fileno())
            ending = b"" if read_at(descriptor, 1, head - 1) == b"\n" else b"\n"
            _write(file.fileno(), ending + _sentence(left_out, most_bytes))
            _copy(descriptor, start, size, file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def _sentence(left_out: int, most_bytes: int) -> bytes:
    """What stands where something is missing."""
    why = f"for the log of a task is kept below {most_bytes / _MIB:g} MiB (task_log_mb)"
    return f"----- left out here: {left_out} bytes, {why}; the newest follows -----\n".encode()


def _beginning_of_line(descriptor: int, at: int) -> int:
    """Where the first line begins at `at` or behind it; where lines are too long for that, a character."""
    block = read_at(descriptor, LONGEST_LINE_BYTES, at - 1)
    newline = block.find(b"\n")
    if newline >= 0:
        return at + newline
    return at + len(block[1:]) - len(block[1:].lstrip(_CONTINUATION))


def _copy(source: int, start: int, end: int, target: int) -> None:
    while start < end:
        block = read_at(source, min(_BLOCK_BYTES, end - start), start)
        if not block:
            return
        _write(target, block)
        start += len(block)


def _write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]
