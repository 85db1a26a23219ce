"""The log of a running task on its way to the manager: collected, and sent in chunks rather than line by line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from flamenco.domain.durations import Duration

LONGEST_CHUNK = 256 * 1024
"""Characters in one update; managers refuse larger bodies sooner or later."""


class LogStream:
    """Text in, chunks out through `send`: when there is enough of it, and when the oldest has waited long enough.

    Any thread may write; chunks leave in the order of what was written.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        chunk_bytes: int,
        longest_wait: Duration,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._chunk_bytes = chunk_bytes
        self._longest_wait = longest_wait
        self._clock = clock
        self._lock = threading.Lock()
        self._texts: list[str] = []
        self._bytes = 0
        self._oldest = 0.0
        self._closed = False

    def write(self, text: str) -> None:
        """Add `text`, with a newline where it has none. After `close` nothing is taken any more."""
        text = sendable(text if text.endswith("\n") else f"{text}\n")
        with self._lock:
            if self._closed:
                return
            if not self._texts:
                self._oldest = self._clock()
            self._texts.append(text)
            self._bytes += len(text.encode())
            if self._bytes > self._chunk_bytes or self._is_overdue():
                self._flush()

    def tick(self) -> None:
        """Send what has waited long enough; called now and then, for programs that have gone quiet."""
        with self._lock:
            if self._texts and self._is_overdue():
                self._flush()

    def close(self, *, discard: bool = False) -> None:
        """Send what there is, or drop it, and take nothing more."""
        with self._lock:
            self._closed = True
            if not discard:
                self._flush()

    def _is_overdue(self) -> bool:
        return self._clock() - self._oldest >= self._longest_wait

    def _flush(self) -> None:
        text, self._texts, self._bytes = "".join(self._texts), [], 0
        for chunk in _chunks(text):
            self._send(chunk)


def sendable(text: str) -> str:
    """`text` without what cannot be sent or stored: halves of surrogate pairs, and NUL."""
    return text.encode("utf-8", errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _chunks(text: str) -> Iterator[str]:
    for start in range(0, len(text), LONGEST_CHUNK):
        yield text[start : start + LONGEST_CHUNK]
