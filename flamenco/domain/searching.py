"""What people type to find something, and how that is compared: parts of names, whatever the case of their letters."""

from __future__ import annotations

import re
from typing import Final

LONGEST_NAME: Final = 255
"""So much of a user's or a project's name is kept of a job."""

PROJECT: Final = "project"
"""Where in its metadata a job says what it is for."""

_FEWEST_DIGITS: Final = 4
_BEGINS_UUID = re.compile(rf"[0-9a-f-]{{{_FEWEST_DIGITS},36}}")


def folded(text: str) -> str:
    """The text as it is compared: without the difference between large letters and small ones."""
    return text.strip().casefold()


def beginning_of_uuid(text: str) -> str:
    """What the UUID begins with that `text` may stand for; nothing where it is none, or so short that many do."""
    found = _BEGINS_UUID.fullmatch(text.strip().lower())
    return found[0] if found else ""


def searchable(*names: str) -> str:
    """What is kept of names so that they are found by any part of one of them."""
    return "\n".join(folded(name[:LONGEST_NAME]) for name in names)


def letters(text: str) -> list[str]:
    """For each character, all the ways to write it, for databases that fold no letters but those of English."""
    return ["".join(sorted({each, *_single(each.lower()), *_single(each.upper())})) for each in text.strip()]


def _single(character: str) -> tuple[str, ...]:
    """The character, unless folding made several of one."""
    return (character,) if len(character) == 1 else ()
