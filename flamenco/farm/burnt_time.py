"""Remembers whose jobs ran into the limits of scripts: while one does, nobody else's job is compiled.

That may happen to anybody once. Whoever sends such jobs again and again waits before the next one, each time twice as
long, so that all others together have more of the compiler than that one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from flamenco.domain.access import machine_of
from flamenco.domain.errors import Busy

WAITS_FROM: Final = 3
"""After so many such jobs the next one waits; fewer have who try out a script, or met a machine with much to do."""

LONGEST_WAIT_S: Final = 900.0

FORGOTTEN_AFTER_S: Final = 600.0
"""Who sent none for so long after the end of a wait starts afresh."""

MOST_REMEMBERED: Final = 10_000
"""Of more addresses, those that sent such a job longest ago are forgotten."""

_MOST_DOUBLINGS: Final = 20


class _Burnt(Struct, frozen=True):
    """How many such jobs there were, until when the next one waits, and until when they count."""

    times: int = 0
    waits_until: float = -math.inf
    counts_until: float = -math.inf


class BurntTime:
    """What this process remembers, and nobody else. Safe to share between threads; `timer` gives seconds.

    `shortest_wait_s` is to be more than what such a job costs the others.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic, shortest_wait_s: float = 20.0) -> None:
        self._timer = timer
        self._shortest_wait_s = shortest_wait_s
        self._lock = threading.Lock()
        self._burnt: dict[str, _Burnt] = {}  # the latest last

    def check(self, address: str) -> None:
        """Raise `Busy` when whoever is there has to wait before the next job."""
        now = self._timer()
        with self._lock:
            burnt = self._burnt.get(machine_of(address), _Burnt())
        if burnt.waits_until > now:
            wait_s = math.ceil(burnt.waits_until - now)
            raise Busy(
                f"{burnt.times} jobs from {address} ran into the limits that scripts of job types have, while those of "
                f"others had to wait; the next one from there is taken in {wait_s} seconds",
                retry_after=wait_s,
            )

    def note(self, address: str) -> None:
        """A job from there ran into a limit just now."""
        now, machine = self._timer(), machine_of(address)
        with self._lock:
            before = self._burnt.pop(machine, _Burnt())
            times = before.times + 1 if before.counts_until > now else 1
            waits_until = now + self._wait_s(times)
            self._burnt[machine] = _Burnt(times, waits_until, waits_until + FORGOTTEN_AFTER_S)
            if len(self._burnt) > MOST_REMEMBERED:
                del self._burnt[next(iter(self._burnt))]

    def _wait_s(self, times: int) -> float:
        """How long to wait after so many in a row."""
        if times < WAITS_FROM:
            return 0.0
        return min(LONGEST_WAIT_S, self._shortest_wait_s * 2.0 ** min(times - WAITS_FROM, _MOST_DOUBLINGS))
