"""Which Flamenco this is, and what its farm does, on the wire of today's Flamenco."""

from __future__ import annotations

from msgspec import Struct

from flamenco.domain.farm_status import FarmStatus


class FlamencoVersion(Struct, frozen=True):
    """Which Flamenco this is, and what its farm is called."""

    version: str
    shortversion: str
    name: str
    git: str


class FarmStatusReport(Struct, frozen=True):
    """What the farm is doing, in one word; `starting` until the manager has looked."""

    status: FarmStatus
