"""What people want each other to know of a job or a worker. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

LONGEST: Final = 2_000
"""So many characters has a note at most: it is no place for a manual."""


class Note(Struct, frozen=True):
    """A note, who wrote it last, and when."""

    text: str
    who: str
    at: datetime
