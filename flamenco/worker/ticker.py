"""A chore that is done again and again in a thread of its own until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

import structlog

log = structlog.get_logger()

_STOP_WAIT_S = 0.5


class Ticker:
    """Calls `chore` every `seconds`, the first time after one such pause, and sooner when it is woken.

    A failing chore is logged and repeated.

    Used in a `with` block. The thread never keeps the program from ending, and the end of the block waits only
    briefly for a chore that is stuck in a request.
    """

    def __init__(self, name: str, seconds: float, chore: Callable[[], None]) -> None:
        self._seconds = max(seconds, 0.01)
        self._chore = chore
        self.stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._woken.set()
        self._thread.join(_STOP_WAIT_S)

    def wake(self) -> None:
        """Have the chore done at once; when it is being done, once more after that."""
        self._woken.set()

    def _run(self) -> None:
        while True:
            self._woken.wait(self._seconds)
            self._woken.clear()
            if self.stopping.is_set():
                return
            try:
                self._chore()
            except Exception:
                log.exception("a background chore failed", chore=self._thread.name)
