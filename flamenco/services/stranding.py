"""Looks for tasks that nobody can run: workers come, go and change, and time passes."""

from __future__ import annotations

from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding

FIRST_AFTER_S = 60.0
"""Workers need time to come back when the manager was away."""

EVERY_S = 15.0


def tick(farm: Farm) -> float:
    """Look once."""
    stranding.look(farm)
    return EVERY_S
