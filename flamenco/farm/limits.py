"""The limits of the farm as people see them: what is in use, and who waits."""

from __future__ import annotations

from flamenco.domain.listing import LimitState
from flamenco.farm.context import Farm
from flamenco.store.scheduling import limit_waits


def states(farm: Farm) -> list[LimitState]:
    """Every limit that a policy has put on tasks, by name."""
    with farm.store.read() as tx:
        return limit_waits.states(tx)
