"""Cuts what a program prints into lines, as bytes arrive, without ever holding more than one long line."""

from __future__ import annotations

from typing import Final

LONGEST_LINE_BYTES: Final = 40 * 1024

_LONGEST_CHARACTER_BYTES: Final = 4


class LineSplitter:
    """Bytes in, lines of text out, without their ends. Longer lines come in parts of at most `longest` bytes.

    A part never ends inside a UTF-8 character; bytes that are no UTF-8 become replacement characters.
    """

    def __init__(self, longest: int = LONGEST_LINE_BYTES) -> None:
        if longest < _LONGEST_CHARACTER_BYTES:
            raise ValueError("a part must be able to hold a character")
        self._longest = longest
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        lines = [part for line in complete for part in self._parts(line.removesuffix(b"\r"))]
        # One byte more is kept, which may be the "\r" of the line's end.
        while len(self._rest) > self._longest + 1:
            cut = _cut(self._rest, self._longest)
            lines.append(_text(self._rest[:cut]))
            self._rest = self._rest[cut:]
        return lines

    def finish(self) -> list[str]:
        """What is left when there is nothing more to come."""
        rest, self._rest = self._rest, b""
        return self._parts(rest.removesuffix(b"\r")) if rest else []

    def _parts(self, line: bytes) -> list[str]:
        parts = []
        while len(line) > self._longest:
            cut = _cut(line, self._longest)
            parts.append(_text(line[:cut]))
            line = line[cut:]
        return [*parts, _text(line)]


def _cut(line: bytes, longest: int) -> int:
    """Where to cut: before the character that byte `longest` is in the middle of."""
    for back in range(_LONGEST_CHARACTER_BYTES):
        if line[longest - back] & 0xC0 != 0x80:
            return longest - back
    return longest


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace")
