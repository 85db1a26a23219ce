"""Ends tasks that are run for longer, or are silent for longer, than they may."""

from __future__ import annotations

from typing import Final

from flamenco.farm import overdue
from flamenco.farm.context import Farm

EVERY_S: Final = 1.0
"""How exactly limits are kept; what it takes for that is one question where no job has any."""

AUTOMATIC_EVERY_S: Final = 15.0


class Overdue:
    """Remembers what it saw at the last look, and when it looked for what no limit is said of."""

    def __init__(self) -> None:
        self._seen: overdue.Overdue | None = None
        self._automatic_at = 0.0

    def tick(self, farm: Farm) -> float:
        """Look once."""
        if self._seen is None:
            self._seen = overdue.Overdue(farm)
        self._seen.look(farm)
        if farm.config.automatic_time_limit != "off" and farm.timer() >= self._automatic_at:
            self._automatic_at = farm.timer() + AUTOMATIC_EVERY_S
            self._seen.look_automatically(farm)
        return EVERY_S
