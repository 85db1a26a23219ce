"""What comes over from an old farm, and what does not, and why."""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec import Struct, field

KINDS: Final = (
    *("jobs", "tasks", "task failures", "blocks", "workers", "tags", "memberships", "sleep schedules"),
    *("logs", "images"),
)
"""What is counted, in the order in which it is shown."""


class LeftOut(Struct, frozen=True):
    """Something that does not come, or not as it was; `why` goes on from its name."""

    kind: str
    id: str
    name: str
    why: str


class Report(Struct):
    """How much of each kind comes, how much is there already, and what is left out; `notes` are sentences."""

    coming: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def leave(self, kind: str, why: object, name: str = "", identity: str = "") -> None:
        """Note that something is left out."""
        self.left_out.append(LeftOut(kind, identity, name, str(why)))

    def left(self, kind: str) -> int:
        """How much of a kind is left out."""
        return sum(each.kind == kind for each in self.left_out)
