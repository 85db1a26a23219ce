"""How long to leave somebody alone who could not be reached: longer each time, and never longer than is sensible."""

from __future__ import annotations

from msgspec import Struct

FACTOR = 2
"""How much longer each pause is than the one before."""


class Backoff(Struct, frozen=True):
    """Pauses in seconds: `first`, and each twice as long as the one before, up to `longest`.

    It remembers nothing: the last pause is kept by whoever makes it, in a variable or in a database.
    """

    first: float
    longest: float

    def after(self, pause: float = 0.0) -> float:
        """The pause that comes after one of so many seconds; the first after none."""
        return min(max(FACTOR * pause, self.first), self.longest)
