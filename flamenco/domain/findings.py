"""What was found where somebody looked whether things are as they should be, and what helps where they are not."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Grade(StrEnum):
    """How a finding is meant. A note keeps nobody from working."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(Struct, frozen=True):
    """Something that was looked at, and what helps where it is not as it should be."""

    subject: str
    grade: Grade
    text: str
    help: str = ""

    @property
    def sentence(self) -> str:
        """All that is to be said of it."""
        return f"{self.text} {self.help}".strip()


def is_well(findings: Iterable[Finding]) -> bool:
    """Whether no problem is among them."""
    return not any(each.grade is Grade.PROBLEM for each in findings)
