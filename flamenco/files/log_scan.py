"""Finds lines in an open log: some at a time, with their numbers, and a few lines around each.

A text is looked for by the process that is asked. A pattern is not: nothing can stop one that goes back and forth in a
line for hours. So this file is a program as well, that scans its standard input for a pattern and is ended when it
takes too long; it imports nothing but the standard library, and starts in 20 ms (`log_search` has the other side).

However long log and lines are, one block is in memory at a time. What is not UTF-8 is shown with marks in its place.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

CONTEXT: Final = 3
"""So many lines are shown before and after each that is found."""

SHOWN_BYTES: Final = 500
"""Of longer lines a part is shown."""

_BLOCK: Final = 256 * 1024
_PATTERN_BLOCK: Final = 64 * 1024
"""Smaller, as the time is looked at between two blocks."""

_OVERLAP: Final = 8 * 1024
"""So much of a line that is longer than a block is looked at twice: what is looked for may lie across."""

_AROUND: Final = CONTEXT * (SHOWN_BYTES + 1)
_MEMORY: Final = 512 * 1024 * 1024
_LOOK_BACK: Final = 64 * 1024
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
_CUT: Final = "…"


class Wanted(NamedTuple):
    """What to look for, and from where: byte `after`, at which the line numbered `line` begins; 0 if nobody knows.

    Ends after `most` lines that were found, or `seconds`.
    """

    text: str
    is_pattern: bool
    minds_case: bool
    after: int
    line: int
    most: int
    seconds: float


class Hit(NamedTuple):
    """A line that was found, by its number from 1 and its first byte, and some lines around it."""

    line: int
    offset: int
    text: str
    before: list[str]
    after: list[str]


class Found(NamedTuple):
    """What was found, and where to go on: byte `next`, in the line numbered `line`; `size` is that of the log."""

    hits: list[Hit]
    next: int
    line: int
    size: int


class Uncounted(Exception):
    """There was no time to count the lines before the first one that is to be looked at."""


Find = Callable[[bytes], Iterator[int]]
"""Gives where in a block something is, in order; more than once for a line or not."""


def of_text(text: str, *, minds_case: bool) -> Find:
    """Looks for a text as it is."""
    if minds_case or text.isascii():
        sought = text.encode(errors="replace") if minds_case else text.lower().encode()
        return lambda block: _places(block if minds_case else block.lower(), sought)
    either = re.compile(b"".join(map(_in_either_case, text)))
    return lambda block: (match.start() for match in either.finditer(block))


def _places(block: bytes, sought: bytes) -> Iterator[int]:
    at = block.find(sought)
    while at >= 0:
        yield at
        at = block.find(sought, at + 1)


def _in_either_case(character: str) -> bytes:
    forms = {form.encode(errors="replace") for form in (character, character.lower(), character.upper())}
    return b"(?:" + b"|".join(re.escape(form) for form in sorted(forms)) + b")"


def of_pattern(pattern: str, *, minds_case: bool) -> Find:
    """Looks for a regular expression in each line. Raises what `re.compile` does."""
    compiled = re.compile(pattern, 0 if minds_case else re.IGNORECASE)

    def find(block: bytes) -> Iterator[int]:
        at = 0
        for line in block.splitlines(keepends=True) if b"\r" not in block else _lines(block):
            text = line.rstrip(b"\r\n").decode(errors="replace")
            if match := compiled.search(text):
                yield at + min(len(line) - 1, len(text[: match.start()].encode()))
            at += len(line)

    return find


def _lines(block: bytes) -> Iterator[bytes]:
    """Lines that end with a newline, whatever else is in them; `splitlines` knows more ends."""
    return (part for part in re.findall(rb"[^\n]*\n|[^\n]+", block))


def scan(descriptor: int, wanted: Wanted, find: Find) -> Found:
    """Look for it, from where that begins, for as long as that may take. Raises `OSError`, `Uncounted`."""
    deadline = time.monotonic() + wanted.seconds
    size = os.fstat(descriptor).st_size
    scanned = _Scan(descriptor, size, min(wanted.after, size))
    scanned.line = wanted.line or lines_before(descriptor, scanned.at, deadline) + 1
    block = _PATTERN_BLOCK if wanted.is_pattern else _BLOCK
    while scanned.at < size and len(scanned.hits) < wanted.most and time.monotonic() < deadline:
        scanned.go_on(block, find, wanted.most)
    return Found(scanned.hits, scanned.at, scanned.line, size)


def lines_before(descriptor: int, end: int, deadline: float) -> int:
    """How many lines end before that byte. Raises `Uncounted` at the deadline, and `OSError`."""
    count = at = 0
    while at < end:
        if time.monotonic() >= deadline:
            raise Uncounted
        block = _read_at(descriptor, min(_BLOCK, end - at), at)
        if not block:
            break
        count += block.count(b"\n")
        at += len(block)
    return count


class _Scan:
    """How far a log was looked at: up to byte `at`, in the line numbered `line`, that begins at `start`."""

    def __init__(self, descriptor: int, size: int, at: int) -> None:
        self.hits: list[Hit] = []
        self.at = at
        self.line = 1
        self._descriptor = descriptor
        self._size = size
        back = _read_at(descriptor, min(at, _LOOK_BACK), at - min(at, _LOOK_BACK))
        self._start = at - len(back) + back.rfind(b"\n") + 1 if b"\n" in back or len(back) == at else at

    def go_on(self, most_bytes: int, find: Find, most_hits: int) -> None:
        """Look at the next block: at whole lines, where they are not too long for that."""
        block = _read_at(self._descriptor, min(most_bytes, self._size - self.at), self.at)
        is_last = self.at + len(block) >= self._size
        if not block:  # it was made shorter meanwhile
            self.at = self._size
            return
        if not is_last:
            block = block[: block.rfind(b"\n") + 1] or block
        done = 0  # so much of the block is counted: up to the beginning of a line
        for place in find(block):
            if place < done:
                continue  # another one in the same line
            self._pass(block, done, place)
            end = block.find(b"\n", place)
            self._note(place + self.at)
            done = end + 1 if end >= 0 else len(block)
            if end >= 0:
                self.line, self._start = self.line + 1, self.at + done
            if len(self.hits) >= most_hits:
                self.at += done
                return
        self._pass(block, done, len(block))
        cut_within = not is_last and not block.endswith(b"\n")
        self.at += len(block) - (_OVERLAP if cut_within else 0)

    def _pass(self, block: bytes, start: int, end: int) -> None:
        """Count the lines that end there."""
        if lines := block.count(b"\n", start, end):
            self.line += lines
            self._start = self.at + block.rfind(b"\n", start, end) + 1

    def _note(self, place: int) -> None:
        """The line with that byte was found; one that is looked at in several blocks counts once."""
        if self.hits and self.hits[-1].line == self.line:
            return
        text, end = self._shown(place)
        self.hits.append(Hit(self.line, self._start, text, self._before(), self._after(end)))

    def _shown(self, place: int) -> tuple[str, int | None]:
        """The line, or a part of it with that byte, and where the next one begins, if that is near."""
        begin = self._start if place - self._start < SHOWN_BYTES // 2 else place - SHOWN_BYTES // 4
        data = _read_at(self._descriptor, min(_LOOK_BACK, self._size - begin), begin)
        line, newline, _ = data.partition(b"\n")
        text = _text(line[:SHOWN_BYTES].lstrip(_CONTINUATION) if begin > self._start else line[:SHOWN_BYTES])
        text = (_CUT if begin > self._start else "") + text + (_CUT if len(line) > SHOWN_BYTES else "")
        return text, begin + len(line) + 1 if newline else None

    def _before(self) -> list[str]:
        most = min(_AROUND, self._start)
        lines = _read_at(self._descriptor, most, self._start - most).split(b"\n")[:-1]
        is_cut = most < self._start and len(lines) <= CONTEXT
        shown = [_shortened(line) for line in lines[-CONTEXT:]]
        return [_CUT + shown[0].lstrip("\N{REPLACEMENT CHARACTER}"), *shown[1:]] if is_cut and shown else shown

    def _after(self, start: int | None) -> list[str]:
        if start is None:
            return []
        data = _read_at(self._descriptor, max(0, min(_AROUND, self._size - start)), start)
        lines = data.split(b"\n")
        return [_shortened(line) for line in (lines if lines[-1] else lines[:-1])[:CONTEXT]]


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="replace")


def _shortened(line: bytes) -> str:
    return _text(line[:SHOWN_BYTES]) + (_CUT if len(line) > SHOWN_BYTES else "")


def _read_at(descriptor: int, size: int, offset: int) -> bytes:
    """As `platforms.places`, which this program does not import; on Windows nobody else has its standard input."""
    if sys.platform != "win32":
        return os.pread(descriptor, size, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)


def main() -> None:
    """Scan the standard input for a pattern; what is wanted is the argument, as JSON, and so is what is printed."""
    wanted = Wanted(*json.loads(sys.argv[1]))
    seconds = int(wanted.seconds) + 2
    if sys.platform != "win32":  # where only who asks ends it
        import resource  # noqa: PLC0415 - it is not there

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # also when nobody is there to end it
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    sys.stdout.write(json.dumps(_answer(wanted)))


def _answer(wanted: Wanted) -> dict[str, object]:
    try:
        find = of_pattern(wanted.text, minds_case=wanted.minds_case)
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        return {"wrong": str(error) or "it is too large"}
    try:
        return {"found": scan(0, wanted, find)}
    except Uncounted:
        return {"uncounted": True}


if __name__ == "__main__":
    main()
