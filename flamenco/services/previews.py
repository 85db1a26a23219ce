"""Has jobs go on for whose preview nobody is waited any longer."""

from __future__ import annotations

from flamenco.farm import previews
from flamenco.farm.context import Farm

EVERY_S = 5.0
"""What people write is in hours."""


def tick(farm: Farm) -> float:
    """Look once; soon again where there were many."""
    return 0.1 if previews.go_on_without(farm) == previews.MOST_DUE else EVERY_S
