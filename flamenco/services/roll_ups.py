"""Sums up what the farm has done, from the attempts at tasks that are over."""

from __future__ import annotations

from typing import Final

from flamenco.farm import roll_ups
from flamenco.farm.context import Farm
from flamenco.store import roll_ups as store
from flamenco.store.roll_ups import Horizon

EVERY_S: Final = 30.0
SOON_S: Final = 1.0
"""When there is more to do; others need the database in between."""

_MOST_FORGOTTEN: Final = 1000


class RollUps:
    """Remembers who could still show attempts with keys that are given out already."""

    def __init__(self) -> None:
        self._waits_for: Horizon | None = None

    def tick(self, farm: Farm) -> float:
        """Count some attempts, look how many workers are awake, and drop what is old."""
        settled = self._settled(farm)
        has_more = settled is None or roll_ups.count_some(farm, settled)
        roll_ups.sample(farm)
        has_more = roll_ups.forget(farm, _MOST_FORGOTTEN) or has_more
        return SOON_S if has_more else EVERY_S

    def _settled(self, farm: Farm) -> int | None:
        """The key up to which no attempt will turn up any more; None when that is known soon.

        Those that were writing when it was given out have ended when none of them is writing now.
        """
        with farm.store.read() as tx:
            now = store.horizon(tx)
        waited, self._waits_for = self._waits_for, None
        if not now.under_way:
            return now.highest
        if waited and not waited.under_way & now.under_way:
            return waited.highest
        self._waits_for = waited or now
        return None
