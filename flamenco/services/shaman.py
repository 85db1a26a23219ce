"""Removes stored files that no job uses any more, now and then."""

from __future__ import annotations

import structlog

from flamenco.domain.errors import StoreError
from flamenco.farm import shaman
from flamenco.farm.context import Farm

log = structlog.get_logger()

FIRST_AFTER_S = 30.0
"""Workers and clients that come back after a restart go first."""


def is_due(farm: Farm) -> bool:
    """Whether there is anything to collect, ever: a period of 0 switches this off."""
    return farm.shaman is not None and bool(farm.config.shaman.garbage_collect.period)


def collect(farm: Farm) -> float:
    """Collect once. Shared storage that cannot be read is left alone until the next time."""
    try:
        found = shaman.collect_garbage(farm)
    except StoreError as error:
        log.error("the garbage of Shaman was not collected", reason=str(error))
    else:
        if found and (found.files or found.leftovers):
            log.info(
                "removed what no job needs any more",
                files=len(found.files),
                bytes=found.bytes,
                left=found.files_stored - len(found.files),
                leftovers=found.leftovers,
            )
    return farm.config.shaman.garbage_collect.period
