"""Threads that do what they are given, in the order in which it was given."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Threads(Generic[T]):
    """At most so many, each begun when all others are at work; `work` is to raise nothing.

    Leaner than those of the standard library, which make something of every piece of work that others can wait for:
    here that took longer than many a request.
    """

    def __init__(self, most: int, work: Callable[[T], None]) -> None:
        self._most = most
        self._work = work
        self._begun = 0
        self._given: SimpleQueue[T] = SimpleQueue()
        self._resting: deque[None] = deque()

    def give(self, piece: T) -> None:
        """Have a thread work on it. To be called by one thread alone."""
        self._given.put(piece)
        try:
            self._resting.pop()
        except IndexError:
            if self._begun < self._most:
                threading.Thread(target=self._run, name=f"request-{self._begun + 1}", daemon=True).start()
                self._begun += 1

    def _run(self) -> None:
        while True:
            self._work(self._given.get())
            self._resting.append(None)
