"""What a client sends, read as HTTP cuts it up: in lines and bodies, and nothing of the next request is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

_BLOCK: Final = 1 << 16
_MOST_IN_A_LINE: Final = 4096
"""Of what says how large a part of a body is, and of what comes after the last one."""
_MOST_TRAILERS: Final = 100
"""So many of the latter."""

_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class Incoming:
    """The bytes of a connection. `receive` gives some of them, and none at the end."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._held = bytearray()

    def unread(self, data: bytes) -> None:
        """Have it read before anything else."""
        self._held[:0] = data

    def take_held(self) -> bytes:
        """What was received, and read by nobody."""
        data = bytes(self._held)
        self._held.clear()
        return data

    def read(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        while len(self._held) < size and self._more(size - len(self._held)):
            pass
        return self._taken(size)

    def readline(self, size: int) -> bytes:
        """A line with its end, but at most so many bytes of it."""
        searched = 0
        while (end := self._held.find(b"\n", searched) + 1) == 0 and len(self._held) < size:
            searched = len(self._held)
            if not self._more(_BLOCK):
                break
        return self._taken(min(end or size, size))

    def _more(self, size: int) -> bool:
        data = self._receive(min(max(size, 1), _BLOCK))
        self._held += data
        return bool(data)

    def _taken(self, size: int) -> bytes:
        data = bytes(self._held[:size])
        del self._held[:size]
        return data


class Body:
    """A body, as WSGI wants one. Raises `ValueError` where it is not what HTTP says, and whatever receiving raises."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or all of it; fewer only at its end, or where the client has gone."""
        if size is not None and size >= 0:
            return self._some(size)
        return b"".join(iter(lambda: self._some(_BLOCK), b""))

    def readline(self, size: int | None = -1) -> bytes:
        """A line, byte by byte: nobody here reads bodies so."""
        line = bytearray()
        while (size is None or size < 0 or len(line) < size) and not line.endswith(b"\n") and (byte := self._some(1)):
            line += byte
        return bytes(line)

    def readlines(self, _hint: int = -1) -> list[bytes]:
        """All lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _some(self, size: int) -> bytes:
        raise NotImplementedError


class KnownBody(Body):
    """One whose length was told."""

    def __init__(self, incoming: Incoming, length: int) -> None:
        super().__init__(incoming)
        self._left = length

    def _some(self, size: int) -> bytes:
        data = self._incoming.read(min(size, self._left))
        self._left -= len(data)
        return data


class ChunkedBody(Body):
    """One that comes in parts, each of which says how large it is."""

    def __init__(self, incoming: Incoming) -> None:
        super().__init__(incoming)
        self._left_of_part = 0
        self._has_ended = False
        self._has_begun = False
        self._is_broken = False

    def _some(self, size: int) -> bytes:
        if self._is_broken:
            raise ValueError("nobody knows where a body ends whose chunks made no sense")
        self._is_broken = True  # until this has gone well: what follows is never taken for a request
        data = bytearray()
        while len(data) < size and not self._has_ended:
            if not self._left_of_part:
                self._begin_part()
                continue
            piece = self._incoming.read(min(size - len(data), self._left_of_part))
            if not piece:
                raise ValueError("the connection ended in the middle of a chunk")
            self._left_of_part -= len(piece)
            data += piece
        self._is_broken = False
        return bytes(data)

    def _begin_part(self) -> None:
        if self._has_begun and self._line():
            raise ValueError("a chunk is longer than it said")
        self._has_begun = True
        digits = self._line().partition(b";")[0].strip(b" \t")
        if not digits or len(digits) > 16 or not _HEX.issuperset(digits):
            raise ValueError(f"{digits!r} is no size of a chunk")
        self._left_of_part = int(digits, 16)
        if not self._left_of_part:
            # Fields that come after a body mean nothing to us.
            if all(self._line() for _ in range(_MOST_TRAILERS)):
                raise ValueError("there are too many fields after the last chunk")
            self._has_ended = True

    def _line(self) -> bytes:
        line = self._incoming.readline(_MOST_IN_A_LINE)
        if not line.endswith(b"\r\n"):
            raise ValueError("a line between chunks does not end as it has to")
        return line[:-2]
