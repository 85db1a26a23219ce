"""Pauses between two transactions of something long, so that others get at the database."""

from __future__ import annotations

import time
from typing import Final

from flamenco.farm.context import Farm

LEAST_PAUSE_S: Final = 0.005
"""How long the database is left to others in between: those of another process ask for it every 2 ms."""


def give_way(farm: Farm, took_s: float) -> None:
    """Leave the database to others, for as long as they had to wait; on a server, only who wants these jobs had to."""
    time.sleep(max(LEAST_PAUSE_S, took_s) if farm.store.is_sqlite else LEAST_PAUSE_S)
