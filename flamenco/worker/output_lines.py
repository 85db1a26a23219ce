r"""Cuts what a program prints into lines, as bytes arrive, without ever holding more than one long line.

A line that is written over, by programs that show their progress with "\r", is one line: what it says in the end.
"""

from __future__ import annotations

from typing import Final

LONGEST_LINE_BYTES: Final = 40 * 1024

_LONGEST_CHARACTER_BYTES: Final = 4


class LineSplitter:
    r"""Bytes in, lines of text out, without their ends. Longer lines come in parts of at most `longest` bytes.

    Of a line with "\r" inside only what follows the last one counts, as on a terminal. A part never ends inside a
    UTF-8 character; bytes that are no UTF-8 become replacement characters.
    """

    def __init__(self, longest: int = LONGEST_LINE_BYTES) -> None:
        if longest < _LONGEST_CHARACTER_BYTES:
            raise ValueError("a part must be able to hold a character")
        self._longest = longest
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        *complete, rest = (self._rest + data).split(b"\n")
        lines = [part for line in complete for part in self._parts(_shown(line))]
        self._rest = _without_the_past(rest)
        while len(self._rest.strip(b"\r")) > self._longest:
            self._rest = self._rest.strip(b"\r")
            cut = _cut(self._rest, self._longest)
            lines.append(_text(self._rest[:cut]))
            self._rest = self._rest[cut:]
        return lines

    @property
    def progress(self) -> str:
        """What a line says that is being written over; empty when there is none."""
        return _text(_shown(self._rest)) if b"\r" in self._rest else ""

    def finish(self) -> list[str]:
        """What is left when there is nothing more to come."""
        rest, self._rest = self._rest, b""
        return self._parts(_shown(rest)) if rest else []

    def _parts(self, line: bytes) -> list[str]:
        parts = []
        while len(line) > self._longest:
            cut = _cut(line, self._longest)
            parts.append(_text(line[:cut]))
            line = line[cut:]
        return [*parts, _text(line)]


def _shown(line: bytes) -> bytes:
    """What a terminal shows of a line in the end; blanks that only wipe it out are not meant."""
    line = line.removesuffix(b"\r")
    if b"\r" not in line:
        return line
    return next((state for state in reversed(line.split(b"\r")) if state.strip()), b"")


def _without_the_past(line: bytes) -> bytes:
    """The beginning of a line without what was written over; it may still be wiped out, or end with "\\r\\n"."""
    if b"\r" not in line.removesuffix(b"\r"):
        return line
    last = line.rpartition(b"\r")[2]
    return b"\r" + (last if last.strip() else _shown(line) + b"\r" + last)


def _cut(line: bytes, longest: int) -> int:
    """Where to cut: before the character that byte `longest` is in the middle of."""
    for back in range(_LONGEST_CHARACTER_BYTES):
        if line[longest - back] & 0xC0 != 0x80:
            return longest - back
    return longest


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace")
