"""How long somebody has to wait who tried in vain: not after a few times, and then twice as long each time."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

FREE: Final = 10
"""So many times in a row somebody may be wrong, as people are who have forgotten which password it was."""

MANY: Final = 200
"""So many times, where others may be wrong in somebody's name."""

LONGEST_S: Final = 60.0

_MOST_KEPT: Final = 10_000
_FORGOTTEN_AFTER_S: Final = 900.0


class Patience:
    """Remembers who was wrong how often. Bounded: of very many, those who tried longest ago are forgotten."""

    def __init__(self, free: int = FREE) -> None:
        self._free = free
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, now: float, *who: str) -> float:
        """How many seconds any of these has to wait still; 0 for nobody. `now` is in seconds."""
        return max((self._left(now, key) for key in who), default=0.0)

    def _left(self, now: float, key: str) -> float:
        count, last = self._failures.get(key, (0, now))
        if count < self._free or now - last > _FORGOTTEN_AFTER_S:
            return 0.0
        return max(0.0, last + min(LONGEST_S, 2.0 ** min(count - self._free, 10)) - now)

    def failed(self, now: float, *who: str) -> None:
        """They were wrong."""
        for key in who:
            count, last = self._failures.pop(key, (0, now))
            self._failures[key] = (1 if now - last > _FORGOTTEN_AFTER_S else count + 1, now)
            if len(self._failures) > _MOST_KEPT:
                self._failures.popitem(last=False)

    def succeeded(self, *who: str) -> None:
        """They were right."""
        for key in who:
            self._failures.pop(key, None)
