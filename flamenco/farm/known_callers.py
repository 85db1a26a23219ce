"""Remembers who has which secret, so that a request with one costs no more than one without."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from flamenco.domain.access import hash_of

Who = TypeVar("Who")


class KnownCallers(Generic[Who]):
    """Remembers for a few seconds who has which secret, so that most requests need not ask the database.

    By hashes: nothing that opens a door lies about in memory. Safe to share between threads; `timer` gives seconds.
    """

    KEPT_S: Final = 5.0
    MOST: Final = 10_000

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Who, float]] = OrderedDict()
        self._generation = 0

    def find(self, way: str, secret: str, look: Callable[[], Who | None]) -> Who | None:
        """Who came by that way with that secret, as `look` says or said a moment ago.

        What opens nothing is not remembered, and what opens one door is not looked for at another.
        """
        key, now = hash_of(f"{way} {secret}"), self._timer()
        with self._lock:
            generation = self._generation
            known = self._known.get(key)
            if known is not None and now < known[1]:
                return known[0]
        found = look()
        with self._lock:
            if found is None:
                self._known.pop(key, None)
            elif generation == self._generation:  # nothing was revoked meanwhile
                self._known[key] = (found, now + self.KEPT_S)
                if len(self._known) > self.MOST:
                    self._known.popitem(last=False)
        return found

    def forget(self) -> None:
        """Ask anew about everybody: something was revoked, or changed."""
        with self._lock:
            self._generation += 1
            self._known.clear()
