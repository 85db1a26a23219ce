"""Work that takes a while on purpose: so much of it at once, and nobody waits behind many."""

from __future__ import annotations

import threading

from flamenco.domain.errors import Busy


class Places:
    """As a context manager one of `at_once` places; more wait for `wait_s` seconds, and those past `most_waiting` not.

    Raises `Busy` for whoever gets none. Safe to share between threads.
    """

    def __init__(self, at_once: int, most_waiting: int, wait_s: float) -> None:
        self._places = threading.Semaphore(at_once)
        self._waiting = threading.Semaphore(at_once + most_waiting)
        self._wait_s = wait_s

    def __enter__(self) -> None:
        if not self._waiting.acquire(blocking=False):
            raise Busy("Too many are signing in at this moment; try again in a moment.")
        if not self._places.acquire(timeout=self._wait_s):
            self._waiting.release()
            raise Busy("Too many are signing in at this moment; try again in a moment.")

    def __exit__(self, *_: object) -> None:
        self._places.release()
        self._waiting.release()
