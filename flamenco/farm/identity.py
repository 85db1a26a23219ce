"""Remembers from where workers call, to notice that two programs speak as one of them."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from functools import lru_cache

IN_TURN_S = 60.0
"""Within this many seconds, a worker's address changes to another one and back only when there are two."""

WARN_EVERY_S = 60.0
"""How often one process warns of the same worker."""


_KNOWN = 1000
"""Of so many addresses it is remembered what they are: to find out takes longer than all else here."""


@lru_cache(_KNOWN)
def _version(address: str) -> int | None:
    """4 or 6; None for what is no address."""
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return None


class Callers:
    """Remembers from where workers called this process. Safe to share between threads; `timer` gives seconds."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._last: dict[tuple[int, int], tuple[str, float]] = {}
        self._before: dict[tuple[int, int], tuple[str, float]] = {}
        self._warned: dict[int, float] = {}

    def in_turn(self, worker_key: int, address: str) -> str | None:
        """Note that the worker called from `address`; the other one when it calls from two of them in turn.

        Of each kind of address alone: a machine that has one for IPv4 and one for IPv6 may use both.
        """
        version = _version(address)
        if version is None:
            return None
        caller = (worker_key, version)
        now = self._timer()
        with self._lock:
            last = self._last.get(caller)
            self._last[caller] = (address, now)
            if last is None or last[0] == address:
                return None
            before = self._before.get(caller)
            self._before[caller] = last
            if before is None or before[0] != address or now - before[1] > IN_TURN_S:
                return None
            return last[0]

    def may_warn(self, worker_key: int) -> bool:
        """Whether it is time to say again that there are two of the worker."""
        now = self._timer()
        with self._lock:
            if now - self._warned.get(worker_key, -WARN_EVERY_S) < WARN_EVERY_S:
                return False
            self._warned[worker_key] = now
            return True
