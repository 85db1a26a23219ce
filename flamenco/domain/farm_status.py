"""What the farm as a whole is doing, in one word: worked out from what its workers do and whether there is work."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from flamenco.domain.statuses import WorkerStatus


class FarmStatus(StrEnum):
    """What the farm is doing. `STARTING`: nobody has looked yet; `UNKNOWN` is a word of the protocol, never said."""

    ACTIVE = "active"
    IDLE = "idle"
    WAITING = "waiting"
    ASLEEP = "asleep"
    INOPERATIVE = "inoperative"
    UNKNOWN = "unknown"
    STARTING = "starting"


_GONE = frozenset({WorkerStatus.OFFLINE, WorkerStatus.ERROR})


def farm_status(workers: Mapping[WorkerStatus, int], *, has_active: bool, has_queued: bool) -> FarmStatus:
    """The status of a farm, from the number of its workers in each status, and whether jobs are active or queued."""
    if not any(count for status, count in workers.items() if status not in _GONE):
        return FarmStatus.INOPERATIVE
    is_awake = workers.get(WorkerStatus.AWAKE, 0) > 0
    if has_active and is_awake:
        return FarmStatus.ACTIVE
    if has_active or has_queued:
        return FarmStatus.WAITING
    if not is_awake and workers.get(WorkerStatus.ASLEEP, 0):
        return FarmStatus.ASLEEP
    return FarmStatus.IDLE
