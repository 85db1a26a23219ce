"""What people type to find something, and how that is compared: parts of names, whatever the case of their letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

LONGEST_NAME: Final = 255
"""So much of a user's, a project's or a batch's name is kept of a job."""

PROJECT: Final = "project"
"""Where in its metadata a job says what it is for."""

BATCH: Final = "batch"
"""The same of the jobs that were submitted together with it."""

Found = TypeVar("Found")

_WORD = re.compile(r"[^\W_]+")
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


def best(names: Iterable[Found], text: str, most: int, named: Callable[[Found], str]) -> list[Found]:
    """The few that are meant most likely, by what they are `named`: those that begin so, then those with a word that
    does, then those that have it anywhere, and those that have it elsewhere last. Of the alike, the first come first.
    """
    wanted = folded(text)

    def distance(found: Found) -> int:
        name = folded(named(found))
        if name.startswith(wanted):
            return 0
        if any(word.startswith(wanted) for word in _WORD.findall(name)):
            return 1
        return 2 if wanted in name else 3

    return sorted(names, key=distance)[:most]
