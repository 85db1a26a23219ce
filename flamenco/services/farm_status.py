"""Looks what the farm as a whole is doing, and tells when that changes.

Once a second, since looking is cheaper than finding out whether there is a reason to look: workers are few, and
whether any job is active or queued is one step in an index each.
"""

from __future__ import annotations

from flamenco.farm import farm_status
from flamenco.farm.context import Farm

FIRST_AFTER_S = 1.0
EVERY_S = 1.0


def tick(farm: Farm) -> float:
    """Look once."""
    farm_status.look(farm)
    return EVERY_S
