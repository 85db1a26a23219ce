"""Tells jobs that wait for others what has become of those, and looks now and then whether any was forgotten."""

from __future__ import annotations

import structlog

from flamenco.farm import telling
from flamenco.farm.context import Farm

log = structlog.get_logger()

EVERY_S = 0.5
"""How soon a job is handed out once those are done that it waited for."""

FORGOTTEN_EVERY_S = 600.0


def tell(farm: Farm) -> float:
    """Tell all that is to be told."""
    telling.tell_all(farm)
    return EVERY_S


def look_for_forgotten(farm: Farm) -> float:
    """Look for jobs that wait although they should not, or the other way round."""
    if forgotten := telling.look_for_forgotten(farm):
        log.warning("jobs that wait for others had not been told what became of those", jobs=forgotten)
    return FORGOTTEN_EVERY_S
