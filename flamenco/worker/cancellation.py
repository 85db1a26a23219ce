"""How a running task is taken away: one flag that commands can wait on, and that stops their programs at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum


class CancelReason(Enum):
    """Who took the task away, or ended what a self-test has started."""

    MANAGER = "the manager took the task away"
    SHUTDOWN = "the worker is shutting down"
    LIMIT = "it took too long"


class Cancellation:
    """Set at most once, by any thread. What is registered with `calling` then runs in that thread."""

    def __init__(self) -> None:
        self._flag = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self.why: CancelReason | None = None

    def cancel(self, why: CancelReason) -> None:
        """Take the task away. Later calls change nothing."""
        with self._lock:
            if self.why:
                return
            self.why = why
            self._flag.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def is_set(self) -> bool:
        """Whether the task was taken away."""
        return self._flag.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the task is taken away, at most so long; whether it was."""
        return self._flag.wait(seconds)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` when the task is taken away during the `with` block; at once if it was already."""
        with self._lock:
            cancelled = self.why is not None
            if not cancelled:
                self._callbacks.append(callback)
        if cancelled:
            callback()
        try:
            yield
        finally:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)
