"""The log of a running task on its way to the manager: collected, and sent in chunks rather than line by line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from flamenco.domain.durations import Duration

LONGEST_CHUNK = 256 * 1024
"""Characters in one update; managers refuse larger bodies sooner or later."""


LARGE_CHUNK = 192 * 1024
"""Bytes; with the line that goes beyond it, it is still one update."""

MUCH_BYTES = 256 * 1024
"""Who writes more than this in a second makes large chunks, which are taken faster than many small ones."""


class LogStream:
    r"""Text in, chunks out through `send`: when there is enough of it, and when the oldest has waited long enough.

    The last line of a chunk may be one that is not finished, such as a program's progress: it ends with "\r", and the
    next text takes its place. Any thread may write; chunks leave in the order of what was written. Who has filled a
    chunk waits in `wait_for_room`, for as long as whatever takes the chunks has no room for more.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        chunk_bytes: int,
        longest_wait: Duration,
        clock: Callable[[], float] = time.monotonic,
        wait_for_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._send = send
        self._chunk_bytes = chunk_bytes
        self._longest_wait = longest_wait
        self._clock = clock
        self._wait_for_room = wait_for_room
        self._lock = threading.Lock()
        self._texts: list[str] = []
        self._unfinished = ""
        self._bytes = 0
        self._oldest = 0.0
        self._closed = False
        self._second = 0.0
        self._sent_bytes = [0, 0]
        """What was sent in the second before this one, and in this one."""

    def write(self, text: str) -> None:
        """Add `text`, with a newline where it has none. After `close` nothing is taken any more."""
        text = sendable(text if text.endswith("\n") else f"{text}\n")
        with self._lock:
            if self._closed:
                return
            self._begin_waiting()
            self._unfinished = ""
            self._texts.append(text)
            self._bytes += len(text.encode())
            if not self._is_due():
                return
            self._flush()
        self._wait_for_room()

    def show(self, text: str) -> None:
        """Let `text` be the line that is not finished; there is no hurry, for the next one takes its place."""
        text = sendable(text).replace("\r", " ").replace("\n", " ")
        with self._lock:
            if self._closed:
                return
            self._begin_waiting()
            self._unfinished = text
            if not self._is_due():
                return
            self._flush()
        self._wait_for_room()

    def tick(self) -> None:
        """Send what has waited long enough; called now and then, for programs that have gone quiet."""
        with self._lock:
            if not (self._texts or self._unfinished) or not self._is_due():
                return
            self._flush()

    def close(self, *, discard: bool = False) -> None:
        """Send what there is, or drop it, and take nothing more."""
        with self._lock:
            self._closed = True
            if not discard:
                if self._unfinished:
                    self._texts.append(f"{self._unfinished}\n")
                    self._unfinished = ""
                self._flush()

    def _begin_waiting(self) -> None:
        if not self._texts and not self._unfinished:
            self._oldest = self._clock()

    def _is_due(self) -> bool:
        if self._clock() - self._oldest >= self._longest_wait:
            return True
        return self._bytes > (LARGE_CHUNK if max(self._sent_bytes) > MUCH_BYTES else self._chunk_bytes)

    def _flush(self) -> None:
        now = self._clock()
        if now - self._second >= 1:
            self._sent_bytes = [self._sent_bytes[1] if now - self._second < 2 else 0, 0]
            self._second = now
        self._sent_bytes[1] += self._bytes
        text, self._texts, self._bytes = "".join(self._texts), [], 0
        if self._unfinished:
            text, self._unfinished = f"{text}{self._unfinished}\r", ""
        for chunk in _chunks(text):
            self._send(chunk)


def sendable(text: str) -> str:
    """`text` without what cannot be sent or stored: halves of surrogate pairs, and NUL."""
    return text.encode("utf-8", errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _chunks(text: str) -> Iterator[str]:
    """`text` in parts that are not too long, and end with a line where that is possible."""
    start = 0
    while len(text) - start > LONGEST_CHUNK:
        end = text.rfind("\n", start, start + LONGEST_CHUNK) + 1 or start + LONGEST_CHUNK
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]
