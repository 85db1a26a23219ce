"""Lines that a person can put into a shell, so that it runs a program with exactly these arguments and nothing else.

They are for bash and zsh, and on Windows for PowerShell 7.3 and newer: `cmd` cannot be kept from what stands between
percent signs. What does not print is escaped: in a terminal it could end the paste, and the rest would be obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:+-]+")
_PLAIN_ON_WINDOWS: Final = re.compile(
    r"[A-Za-z./\\][A-Za-z0-9_./\\:-]*"  # paths and names
    r"|--?[A-Za-z][A-Za-z0-9-]*"  # options; with a dot or a colon in them they would be taken apart
    r"|[0-9]{1,9}"
)
_SINGLE_QUOTES: Final = re.compile("['\u2018\u2019\u201a\u201b]")
_DOUBLE_QUOTES: Final = '"\u201c\u201d\u201e'
"""In PowerShell, each of these ends what one of them began."""


def shell_line(argv: Sequence[str], platform: str) -> str:
    """The line for the shell that people have on `platform`."""
    if platform == "windows":
        # Without the sign, a name in quotes would be a text, and one that begins with a digit a number.
        return " ".join(("&", *map(_for_powershell, argv)))
    return " ".join(map(_for_posix, argv))


def _for_posix(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    if word.isprintable():
        return "'" + word.replace("'", "'\\''") + "'"
    return "$'" + _escaped(word, "\\'", "\\", _as_bytes) + "'"


def _as_bytes(character: str) -> str:
    # The bash of macOS knows no escapes for characters.
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def _for_powershell(word: str) -> str:
    if _PLAIN_ON_WINDOWS.fullmatch(word):
        return word
    if word.isprintable():
        return "'" + _SINGLE_QUOTES.sub(lambda quote: quote[0] * 2, word) + "'"
    return '"' + _escaped(word, f"{_DOUBLE_QUOTES}`$", "`", lambda character: f"`u{{{ord(character):x}}}") + '"'


def _escaped(word: str, special: str, escape: str, written: Callable[[str], str]) -> str:
    """The word with `escape` before what is special, and what does not print `written` in letters."""
    return "".join(escape + each if each in special else each if each.isprintable() else written(each) for each in word)
