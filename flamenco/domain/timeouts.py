"""When is a task or a worker considered lost? Pure: the moment enters as an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

from flamenco.domain.statuses import WorkerStatus

CANNOT_TIME_OUT = frozenset({WorkerStatus.ERROR, WorkerStatus.OFFLINE, WorkerStatus.REGISTERED})
"""Workers that are gone already, or were never here."""


def deadline(now: datetime, timeout_s: float) -> datetime | None:
    """Whoever was last heard of at this moment or before is lost; None when timing out is switched off (0)."""
    return now - timedelta(seconds=timeout_s) if timeout_s > 0 else None
