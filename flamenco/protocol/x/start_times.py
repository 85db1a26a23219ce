"""When jobs may start at the earliest, on the wire of our own additions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from flamenco.domain.start_times import PRESETS
from flamenco.protocol.fields import Name

StartAfter = Annotated[
    Name,
    Meta(
        description="When it starts at the earliest: +1h30m, 18:00, tonight 18:00, tomorrow 7:00, friday 20:00, or an "
        "ISO date and time, in the manager's local time where it has no zone; empty, or now, for at once.",
        examples=list(PRESETS),
    ),
]
