"""Splitting a line of arguments into words, by the rules that Flamenco's workers and job types use.

The same rules are written once more in JavaScript (`compiler/prelude.js`); both are held to
`tests/vectors/shell.json`. They are simpler than a POSIX shell's, hence not Python's `shlex`: inside double
quotes a backslash escapes *any* character, and nothing is ever expanded.
"""

from __future__ import annotations

_SPACES = " \t\r\n"


def shell_split(text: str) -> list[str]:
    """Split `text` into words at blanks, tabs and line ends.

    Quotes, single or double, keep blanks together; a backslash takes the next character as it is, except in
    single quotes; a `#` at the start of a word begins a comment up to the end of the line.
    Raises ValueError when a quote is left open or a backslash is the last character.
    """
    words: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in _SPACES:
            position += 1
        elif text[position] == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        else:
            word, position = _word(text, position)
            words.append(word)
    return words


def _word(text: str, position: int) -> tuple[str, int]:
    """The word that starts at `position`, and where it ends."""
    parts = []
    while position < len(text) and text[position] not in _SPACES:
        char = text[position]
        if char == "'":
            end = text.find("'", position + 1)
            if end < 0:
                raise ValueError("EOF found when expecting closing quote")
            parts.append(text[position + 1 : end])
            position = end + 1
        elif char == '"':
            quoted, position = _double_quoted(text, position + 1)
            parts.append(quoted)
        elif char == "\\":
            parts.append(_escaped(text, position))
            position += 2
        else:
            parts.append(char)
            position += 1
    return "".join(parts), position


def _double_quoted(text: str, position: int) -> tuple[str, int]:
    """What stands between double quotes from `position` on, and where the text goes on behind them."""
    parts: list[str] = []
    while position < len(text):
        char = text[position]
        if char == '"':
            return "".join(parts), position + 1
        if char == "\\":
            parts.append(_escaped(text, position))
            position += 2
        else:
            parts.append(char)
            position += 1
    raise ValueError("EOF found when expecting closing quote")


def _escaped(text: str, position: int) -> str:
    """The character behind the backslash at `position`."""
    if position + 1 == len(text):
        raise ValueError("EOF found after escape character")
    return text[position + 1]
