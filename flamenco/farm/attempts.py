"""What goes on though something went wrong: one thing after the other, and trouble that repeats once a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from flamenco.domain.errors import Busy, Unavailable

log = structlog.get_logger(__name__)

MOST_WAITS: Final = 3
"""Who keeps one job from being changed keeps up no other; but after so many it is the whole database that is busy."""


class Attempts:
    """Wrap each of them in `one`, and call `end` after the last."""

    def __init__(self) -> None:
        self._busy: list[Busy] = []

    @contextmanager
    def one(self, failed: str, **about: object) -> Iterator[None]:
        """One of them; what goes wrong with it is logged as `failed`.

        Raises `Unavailable`, and `Busy` after having waited in vain too often: then it is of no use to try the others.
        """
        try:
            yield
        except Busy as error:
            self._busy.append(error)
            if len(self._busy) >= MOST_WAITS:
                raise
        except Unavailable:
            raise
        except Exception:
            log.exception(failed, **about)

    def end(self) -> None:
        """Raises `Busy` when one of them has to be tried again soon: whoever calls the chore knows when."""
        if self._busy:
            raise self._busy[0]


LOGGED_EVERY_S = 60.0


class Repeated:
    """Counts what is not logged. Safe to share between threads; `timer` gives seconds."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._logged: dict[str, tuple[float, int]] = {}

    def times(self, what: str) -> int:
        """How often it happened since it was logged last, this time included; 0 when it is not to be logged yet."""
        now = self._timer()
        with self._lock:
            logged, left_out = self._logged.get(what, (-LOGGED_EVERY_S, 0))
            if now - logged < LOGGED_EVERY_S:
                self._logged[what] = (logged, left_out + 1)
                return 0
            self._logged[what] = (now, 0)
            return left_out + 1
