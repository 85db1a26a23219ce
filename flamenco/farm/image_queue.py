"""One thread per manager process that works on images while their workers go on, and the few that wait for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import structlog

from flamenco.domain.errors import QueueFull

log = structlog.get_logger(__name__)

MOST_WAITING = 3
"""How many images wait, each as it was sent, beside the one that is worked on; more than that would fill memory."""

_STOP_WAIT_S = 0.5

Work = Callable[[], object]


class ImageQueue:
    """Does one thing after the other, in the order of their coming. Its thread begins with the first.

    So nothing runs in a process that only reads its configuration, nor in one that is still to fork.
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        self._waiting: deque[Work] = deque()
        self._is_busy = False
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def put(self, work: Work) -> None:
        """Have `work` done once all before it is. Raises `QueueFull` when too much is waiting already."""
        with self._changed:
            # What the thread has not yet got hold of counts as what it is busy with.
            if self._is_closed or len(self._waiting) + self._is_busy > self._most_waiting:
                raise QueueFull("image processing queue is full")
            self._waiting.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="images", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until everything that was put in is done; False when it is not by then."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._is_busy), timeout_s)

    def close(self) -> None:
        """Finish what is being done, for a moment at least, and let go of what waits: newer images will come."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_STOP_WAIT_S)

    def _run(self) -> None:
        while work := self._next():
            try:
                work()
            except Exception:  # one image that fails must not end the others
                log.exception("an image was not processed")
            del work  # it holds the image
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()

    def _next(self) -> Work | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return None
            self._is_busy = True
            return self._waiting.popleft()
