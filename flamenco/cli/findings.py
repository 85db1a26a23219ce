"""How commands print what was found where somebody looked whether things are as they should be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from rich.text import Text

from flamenco.cli.output import print_table
from flamenco.domain.findings import Grade

_STYLES: Final = {Grade.OK: "green", Grade.NOTE: "yellow", Grade.PROBLEM: "red"}


class Found(Protocol):
    """A finding, of this program or of a manager's."""

    @property
    def subject(self) -> str:
        """What was looked at."""

    @property
    def grade(self) -> Grade:
        """How it is meant."""

    @property
    def text(self) -> str:
        """What was found."""

    @property
    def help(self) -> str:
        """What helps."""


def print_findings(found: Iterable[Found]) -> None:
    """A table of them."""
    rows = ((Text(each.grade, style=_STYLES[each.grade]), each.subject, _told(each)) for each in found)
    print_table(("", "what", "finding"), rows)


def _told(finding: Found) -> str:
    return f"{finding.text} {finding.help}".strip()
