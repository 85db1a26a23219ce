"""How long a script may run: by the processor time that it takes, as the machine may have much else to do. Pure."""

from __future__ import annotations

WALL_FACTOR = 30
"""So many times its limit a script may take by the clock on the wall."""

LEAST_SHARE = 0.001
"""Less of a processor than this, for as long as the limit, is no script that runs slowly, but one that waits.
With ten others on its processor, all of them before it, a script has a hundredth."""


def longest_s(limit_s: float) -> float:
    """The longest time that a run with this limit may take by the clock on the wall."""
    return limit_s * WALL_FACTOR


class RunTime:
    """The time that one run takes. Moments are in seconds, `cpu_s` of processor time and `wall_s` of a steady clock."""

    def __init__(self, limit_s: float, cpu_s: float, wall_s: float) -> None:
        self._limit_s = limit_s
        self._began_cpu_s = self._since_cpu_s = cpu_s
        self._began_wall_s = self._since_wall_s = wall_s

    def is_over(self, cpu_s: float, wall_s: float) -> bool:
        """Whether the run is to be ended. To be asked again and again."""
        if cpu_s - self._began_cpu_s > self._limit_s or wall_s - self._began_wall_s > longest_s(self._limit_s):
            return True
        passed_s = wall_s - self._since_wall_s
        if passed_s < self._limit_s:
            return False
        is_stuck = cpu_s - self._since_cpu_s < LEAST_SHARE * passed_s
        self._since_cpu_s, self._since_wall_s = cpu_s, wall_s
        return is_stuck
