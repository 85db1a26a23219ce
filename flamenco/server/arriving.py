"""Requests on their way: whether enough of one is here for a thread to answer it, and how long the rest may take.

Where it ends is found as far as needed to tell when to begin; what it says is read by whoever answers it.
"""

from __future__ import annotations

HEAD_TIMEOUT_S = 10.0
"""How long a client may take to send the head of a request, once it has begun."""

PATIENCE_S = 10.0
"""How long a client is waited for in all that sends a body, or reads an answer, beside what it earns by doing so."""

LEAST_RATE = 1024
"""So many bytes earn it another second."""

MOST_HELD = 32 * 1024
"""So many bytes of a request wait in memory for the rest. Of a larger one, a thread reads as it comes."""

_END = b"\r\n\r\n"
_MOST_DIGITS = 20


class Arriving:
    """What has come of one request. `deadline` is when its client is given up if no more comes, as `time.monotonic`."""

    def __init__(self, now: float) -> None:
        self.deadline = now + HEAD_TIMEOUT_S
        self._data = bytearray()
        self._size: int | None = None
        self._body_began = 0.0

    @property
    def data(self) -> bytes:
        """All that has come."""
        return bytes(self._data)

    @property
    def has_head(self) -> bool:
        """Whether it can be told what is wrong with the rest, when that does not come."""
        return self._size is not None

    def add(self, data: bytes, now: float) -> bool:
        """Something has come; returns whether a thread is to take over."""
        self._data += data
        if self._size is None:
            self._look_for_end(now)
        if self._size is None:
            # Of a line that ends otherwise than HTTP says, whoever reads it knows that there is nothing to wait for.
            return len(self._data) >= MOST_HELD or self._data.count(b"\n") != self._data.count(b"\r\n")
        self.deadline = self._body_began + PATIENCE_S + len(self._data) / LEAST_RATE
        return len(self._data) >= self._size

    def _look_for_end(self, now: float) -> None:
        end = self._data.find(_END)
        if end >= 0:
            self._size = end + len(_END) + _length_of_body(bytes(self._data[:end]).lower())
            self._body_began = now


def _length_of_body(head: bytes) -> int:
    """How much of a body there is to wait for, if any. `head` is in small letters."""
    if b"\r\ntransfer-encoding:" in head or b"\r\nexpect:" in head:
        return 0  # its end cannot be seen from here, or it waits for a word from us
    length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0].strip()
    size = int(length) if length.isdigit() and len(length) < _MOST_DIGITS else 0
    return size if size <= MOST_HELD else 0
