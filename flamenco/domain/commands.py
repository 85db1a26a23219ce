"""Commands of a job that nobody is known to have: most likely misspelt. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice

from flamenco.domain.contents import contents_of
from flamenco.domain.model import AuthoredTask

WARNING_HEADER = "X-Flamenco-Warning"
"""Sentences for whoever submits a job that was accepted, quoted as in URLs, with commas between them. A header, as
clients of the original know all fields."""

_MOST_WARNINGS = 10
_LONGEST_NAME = 100


def unknown_commands(tasks: Iterable[AuthoredTask], known: Collection[str]) -> dict[str, int]:
    """The names of commands that are not among `known`, and how often each of them is used."""
    return unknown_among(contents_of(tasks).commands, known)


def unknown_among(used: Mapping[str, int], known: Collection[str]) -> dict[str, int]:
    """Those of the commands that are `used` so often which are not among `known`."""
    return {name: count for name, count in used.items() if name not in known}


def warnings(unknown: dict[str, int], known: Collection[str], who: str = "the manager") -> list[str]:
    """A sentence for the first unknown commands; some worker may have them. `who` says who does not know them."""
    return [
        f'command "{_shown(name)}" is unknown to {who}{_nearest(name, known)}; it is used {count} times'
        for name, count in islice(unknown.items(), _MOST_WARNINGS)
    ]


def _shown(name: str) -> str:
    """The name without what a terminal might act on."""
    printable = "".join(character if character.isprintable() else "�" for character in name)
    return printable if len(printable) <= _LONGEST_NAME else printable[:_LONGEST_NAME] + "…"


def _nearest(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name[:_LONGEST_NAME], known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
