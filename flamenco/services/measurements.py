"""Writes down what this process has measured of itself, so that every process can tell it.

Each process does this for itself, so it is under no lease.
"""

from __future__ import annotations

from datetime import timedelta

from flamenco.farm.context import Farm
from flamenco.store import processes

EVERY_S = 10.0

KEPT = timedelta(hours=1)
"""How long what a process wrote stays when nothing is heard of it any more."""


def tick(farm: Farm) -> float:
    """Write, and forget the processes that ended long ago."""
    now = farm.clock()
    with farm.store.write() as tx:
        processes.put(tx, farm.request_times.process, farm.request_times.so_far(), now)
        processes.delete_before(tx, now - KEPT)
    return EVERY_S
